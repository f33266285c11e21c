/** The exercises of lessons 22 to 24. */

import { testExercises } from "./exercises.ts";

testExercises("22", "24");
