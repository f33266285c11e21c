/**
 * The working copy of an exercise: `exercise.ts`, in the folder of its lesson. Git ignores it. The
 * copy of another exercise of the same lesson is set aside, and comes back later, so nothing that
 * somebody has written is ever lost.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { catalogue, LESSONS } from "../lesson/catalogue.ts";
import { writeUserFile } from "../process/files.ts";
import type { Change, Exercise, Gap } from "./exercise.ts";

/** Where the working copy of an exercise is. */
export function copyOf({ id }: Exercise): URL {
  return new URL(`${folderOf(id)}/exercise.ts`, LESSONS);
}

/** The same, from the root of the project, for people. */
export function nameOf({ id }: Exercise): string {
  return `lessons/${folderOf(id)}/exercise.ts`;
}

function folderOf(id: string): string {
  return catalogue.find(({ number }) => id.startsWith(`${number}.`))!.folder;
}

/** The working copy as it is at first. */
export function unsolved(exercise: Exercise): string {
  let text = solved(exercise);
  for (const [from, to] of exercise.changes) text = text.replace(placeOf(text, from), () => to);
  return text;
}

/** What a text has where a change is made. */
export function placeOf(text: string, from: (Change | Gap)[0]): string {
  if (typeof from === "string") return from;
  const [first, last] = from;
  const begin = text.indexOf(first);
  const end = text.indexOf(last, begin + first.length);
  return begin === -1 || end === -1 ? first + last : text.slice(begin, end + last.length);
}

/** The working copy with the fault repaired. */
export function solved({ id, title, script }: Exercise): string {
  return `// Exercise ${id}: ${title}.\n` + Deno.readTextFileSync(new URL(script, LESSONS));
}

/** The text of a working copy; undefined if there is none. */
export function textOf(exercise: Exercise): string | undefined {
  const text = read(copyOf(exercise));
  return text !== undefined && idIn(text) === exercise.id ? text : undefined;
}

/**
 * Makes sure that there is a working copy: the one that exists, or one that was set aside, or else
 * a new one.
 *
 * @param reset Whether it begins anew, and loses what was in it.
 */
export function makeCopy(exercise: Exercise, reset = false): void {
  const place = copyOf(exercise);
  const present = read(place);
  if (present !== undefined && idIn(present) !== exercise.id) {
    Deno.renameSync(place, freePlace(exercise, idIn(present)));
  }
  const aside = asideOf(exercise, exercise.id);
  const before = textOf(exercise) ?? read(aside);
  writeUserFile(fileURLToPath(place), before === undefined || reset ? unsolved(exercise) : before);
  if (read(aside) !== undefined) Deno.removeSync(aside);
}

/** Which exercise a copy belongs to: its first line says so. */
function idIn(text: string): string {
  return /^\/\/ Exercise (\d\d\.\d+):/.exec(text)?.[1] ?? "unknown";
}

function asideOf(exercise: Exercise, id: string): URL {
  return new URL(`exercise.${id}.ts`, copyOf(exercise));
}

/** Where a copy can be set aside without replacing another one. */
function freePlace(exercise: Exercise, id: string): URL {
  let place = asideOf(exercise, id);
  for (let i = 2; read(place) !== undefined; i++) place = asideOf(exercise, `${id}.${i}`);
  return place;
}

function read(place: URL): string | undefined {
  try {
    return Deno.readTextFileSync(place);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
