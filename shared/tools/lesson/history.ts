/**
 * Remembers which lessons have been run, in a small file in the user's folder for state: see
 * XDG_STATE_HOME in the XDG Base Directory Specification. Without such a folder, or if the file
 * cannot be written, nothing is remembered, and nothing else changes.
 *
 * @module
 */

/** The numbers of the lessons that have been run. */
export function lessonsRun(): Set<string> {
  try {
    const [, path] = place();
    return new Set(Deno.readTextFileSync(path).match(/^\d\d$/gm));
  } catch {
    return new Set(); // none has been run, or none can be remembered
  }
}

/** Remembers that a lesson has been run. */
export function rememberRun(number: string): void {
  if (lessonsRun().has(number)) return;
  try {
    const [folder, path] = place();
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(path, `${number}\n`, { append: true });
  } catch {
    // Only the marks in the list of lessons need it.
  }
}

function place(): [folder: string, path: string] {
  const home = Deno.env.get("HOME");
  const given = Deno.env.get("XDG_STATE_HOME");
  // The specification demands that a relative path be ignored.
  const state = given?.startsWith("/") ? given : home && `${home}/.local/state`;
  if (!state) throw new Deno.errors.NotFound("neither XDG_STATE_HOME nor HOME is set");
  const folder = `${state}/network-io-models`;
  return [folder, `${folder}/lessons`];
}
