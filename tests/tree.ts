/**
 * The files of the project, for tests.
 *
 * @module
 */

import { ROOT } from "./processes.ts";

/** All files below a folder of the project, by their paths from its root; all if it is empty. */
export function filesBelow(folder = ""): string[] {
  return [...Deno.readDirSync(ROOT + folder)].flatMap(({ name, isDirectory }) => {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) return name === "node_modules" || name === ".git" ? [] : filesBelow(path);
    return [path];
  }).sort();
}

/** All scripts and modules below a folder of the project, by their paths from its root. */
export function scriptsBelow(folder: string): string[] {
  return filesBelow(folder).filter((path) => path.endsWith(".ts"));
}
