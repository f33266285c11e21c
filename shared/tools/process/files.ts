/**
 * Files that a user asks for by name, such as `--svg FILE`.
 *
 * @module
 */

import { dirname, resolve } from "node:path";

/**
 * The absolute path for a path from a command line. A task runs in the project's folder, and Deno
 * puts the folder in which it was called into INIT_CWD.
 */
export function userPath(path: string): string {
  return resolve(Deno.env.get("INIT_CWD") ?? ".", path);
}

/**
 * Why {@linkcode writeUserFile} would fail, in a few words; undefined if it would not. For a
 * program that takes its time, so that the user learns it before. Nothing is left behind, and what
 * is at the path is not even opened: opening a FIFO would wait for a reader.
 */
export function whyNotWritable(path: string): string | undefined {
  try {
    Deno.removeSync(beside(placeOf(path).target));
  } catch (error) {
    return reasonOf(error);
  }
}

/**
 * Writes a file that the user has named. It appears at once and complete: the text goes into a new
 * file in the same folder, which then takes the name. A regular file of that name is replaced and
 * its permissions are kept; of a symbolic link, the file that it leads to. Anything else, such as a
 * device or a FIFO, is left alone.
 *
 * @throws {Error} if it cannot be written; the message is the reason, in a few words.
 */
export function writeUserFile(path: string, text: string): void {
  try {
    const { target, mode } = placeOf(path);
    const temporary = beside(target);
    try {
      Deno.writeTextFileSync(temporary, text);
      if (mode !== undefined) Deno.chmodSync(temporary, mode);
      Deno.renameSync(temporary, target);
    } catch (error) {
      Deno.removeSync(temporary);
      throw error;
    }
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  }
}

/** What a system call's error says, without the call and its paths. */
export function reasonOf(error: unknown): string {
  return (error as Error).message.replace(/ \(os error \d+\).*/s, "");
}

/** Where the file will be, and the permissions of one that is there already. */
function placeOf(path: string): { target: string; mode?: number } {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    if (isThere(path)) throw new Error("it is a symbolic link to nothing");
    return { target: path };
  }
  if (!info.isFile) throw new Error("it is not a regular file");
  // The link itself stays what it is.
  return { target: Deno.realPathSync(path), mode: info.mode === null ? undefined : info.mode };
}

/** Whether there is anything of that name, if only a link. */
function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Creates an empty file in the same folder, under a name that nothing there has. */
function beside(path: string): string {
  const name = `${dirname(path)}/.${crypto.randomUUID()}.tmp`;
  Deno.openSync(name, { write: true, createNew: true }).close();
  return name;
}
