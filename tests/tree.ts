/**
 * The files of the project, for tests.
 *
 * @module
 */

import { ROOT } from "./processes.ts";

/** What is no part of the project; in a worktree, .git is a file. */
const LEFT_OUT = [".git", "node_modules", "coverage"];
/** Working copies of exercises, and what has been done: a reader's own files. */
const READERS = /^lessons\/(.*\/exercise(\.[\w.]+)?\.ts|exercises\.txt)$/;

/**
 * All files below a folder of the project, by their paths from its root; all if it is empty. A
 * reader's own files are left out.
 */
export function filesBelow(folder = ""): string[] {
  return [...Deno.readDirSync(ROOT + folder)].flatMap(({ name, isDirectory }) => {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (LEFT_OUT.includes(name) || READERS.test(path)) return [];
    return isDirectory ? filesBelow(path) : [path];
  }).sort();
}

/** All scripts and modules below a folder of the project, by their paths from its root. */
export function scriptsBelow(folder: string): string[] {
  return filesBelow(folder).filter((path) => path.endsWith(".ts"));
}
