/**
 * All exercises, in the order of the lessons.
 *
 * @module
 */

import { exercises as of00 } from "./exercises/00.ts";
import { exercises as of01 } from "./exercises/01.ts";
import { exercises as of02 } from "./exercises/02.ts";
import { exercises as of03 } from "./exercises/03.ts";
import { exercises as of04 } from "./exercises/04.ts";
import { exercises as of05 } from "./exercises/05.ts";
import { exercises as of06 } from "./exercises/06.ts";
import { exercises as of07 } from "./exercises/07.ts";
import { exercises as of08 } from "./exercises/08.ts";
import { exercises as of09 } from "./exercises/09.ts";
import { exercises as of10 } from "./exercises/10.ts";
import { exercises as of11 } from "./exercises/11.ts";
import { exercises as of12 } from "./exercises/12.ts";
import { exercises as of13 } from "./exercises/13.ts";
import { exercises as of14 } from "./exercises/14.ts";
import { exercises as of15 } from "./exercises/15.ts";
import { exercises as of18 } from "./exercises/18.ts";
import { exercises as of19 } from "./exercises/19.ts";
import { exercises as of20 } from "./exercises/20.ts";
import { exercises as of21 } from "./exercises/21.ts";
import { exercises as of22 } from "./exercises/22.ts";
import { exercises as of23 } from "./exercises/23.ts";
import { exercises as of24 } from "./exercises/24.ts";
import type { Exercise } from "./exercise.ts";

/** All exercises, in their order. */
export const exercises: readonly Exercise[] = [
  ...of00,
  ...of01,
  ...of02,
  ...of03,
  ...of04,
  ...of05,
  ...of06,
  ...of07,
  ...of08,
  ...of09,
  ...of10,
  ...of11,
  ...of12,
  ...of13,
  ...of14,
  ...of15,
  ...of18,
  ...of19,
  ...of20,
  ...of21,
  ...of22,
  ...of23,
  ...of24,
];

/** Finds an exercise by what a person types: `03.2` or `3.2`. */
export function findExercise(text: string): Exercise | undefined {
  const [, lesson, number] = /^(\d{1,2})\.(\d+)$/.exec(text) ?? [];
  const id = `${lesson?.padStart(2, "0")}.${number}`;
  return exercises.find((exercise) => exercise.id === id);
}
