/** The exercises of lessons 18 to 21. */

import { testExercises } from "./exercises.ts";

testExercises("18", "21");
