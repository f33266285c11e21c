/**
 * Files that a user asks for by name, such as `--svg FILE`, and folders for temporary ones.
 *
 * @module
 */

import { dirname, resolve } from "node:path";

/** A file that cannot be written. The message is one line, for the user. */
export class NotWritable extends Error {
  /** The class's name, for messages. */
  override name = "NotWritable";
}

/**
 * The absolute path for a path from a command line. A task runs in the project's folder, and Deno
 * puts the folder in which it was called into INIT_CWD.
 */
export function userPath(path: string): string {
  return resolve(Deno.env.get("INIT_CWD") ?? ".", path);
}

/**
 * Fails if {@linkcode writeUserFile} would, for a program that takes its time before it has
 * something to write. Nothing is left behind, and what is at the path is not even opened: opening a
 * FIFO would wait for a reader.
 *
 * @throws {NotWritable} with the path and the reason.
 */
export function requireWritable(path: string): void {
  explained(path, () => Deno.removeSync(createBeside(placeOf(path).target)));
}

/**
 * Writes a file that the user has named. It appears at once and complete: the text goes into a new
 * file in the same folder, which then takes the name. A regular file of that name is replaced, and
 * its permissions are kept. A symbolic link stays, and the file that it leads to is replaced.
 * Anything else, such as a device or a FIFO, is left alone.
 *
 * @throws {NotWritable} with the path and the reason.
 */
export function writeUserFile(path: string, text: string): void {
  explained(path, () => {
    const { target, mode } = placeOf(path);
    const temporary = createBeside(target);
    try {
      Deno.writeTextFileSync(temporary, text);
      if (mode !== null) Deno.chmodSync(temporary, mode);
      Deno.renameSync(temporary, target);
    } catch (error) {
      Deno.removeSync(temporary);
      throw error;
    }
  });
}

/**
 * Makes a folder for temporary files, in TMPDIR or in /tmp. Where that is impossible, the program
 * ends with exit code 1 and one line that says why.
 */
export function makeTemporaryFolder(prefix: string): string {
  try {
    return Deno.makeTempDirSync({ prefix });
  } catch (error) {
    const folder = Deno.env.get("TMPDIR") ?? "/tmp";
    console.error(
      `no temporary file can be made in ${folder}: ${reasonOf(error)} (TMPDIR chooses the folder)`,
    );
    Deno.exit(1);
  }
}

/** What a system's error says, without the call and its paths. */
export function reasonOf(error: unknown): string {
  return (error as Error).message.replace(/ \(os error \d+\).*/s, "");
}

function explained(path: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    throw new NotWritable(`${path} cannot be written: ${reasonOf(error)}`);
  }
}

/** Where the file will be, and the permissions of the one that is there already. */
function placeOf(path: string): { target: string; mode: number | null } {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    if (isLink(path)) throw new Error("it is a symbolic link to nothing");
    return { target: path, mode: null };
  }
  if (!info.isFile) {
    throw new Error(`it is ${info.isDirectory ? "a folder" : "not a regular file"}`);
  }
  return { target: Deno.realPathSync(path), mode: info.mode };
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

/** Creates an empty file in the same folder, under a name that nothing there has. */
function createBeside(path: string): string {
  const name = `${dirname(path)}/.${crypto.randomUUID()}.tmp`;
  Deno.openSync(name, { write: true, createNew: true }).close();
  return name;
}
