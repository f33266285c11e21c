/** The exercises of lessons 00 to 05. */

import { testExercises } from "./exercises.ts";

testExercises("00", "05");
