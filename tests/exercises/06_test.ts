/** The exercises of lessons 06 to 09. */

import { testExercises } from "./exercises.ts";

testExercises("06", "09");
