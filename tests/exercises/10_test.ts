/** The exercises of lessons 10 to 15. */

import { testExercises } from "./exercises.ts";

testExercises("10", "15");
