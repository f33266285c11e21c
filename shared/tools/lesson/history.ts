/**
 * Which lessons somebody has run already: a small file in the user's own folder for such things,
 * see XDG_STATE_HOME in the XDG Base Directory Specification. Where there is none, or it cannot be
 * written, nothing is remembered, and nothing else changes.
 *
 * @module
 */

/** The numbers of the lessons that have run. */
export function lessonsRun(): Set<string> {
  try {
    const [, path] = place();
    return new Set(Deno.readTextFileSync(path).match(/^\d\d$/gm));
  } catch {
    return new Set(); // nothing has run, or nothing can be known
  }
}

/** Remembers that a lesson has run. */
export function rememberRun(number: string): void {
  if (lessonsRun().has(number)) return;
  try {
    const [folder, path] = place();
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(path, `${number}\n`, { append: true });
  } catch {
    // It is only for the list of the lessons.
  }
}

function place(): [folder: string, path: string] {
  const home = Deno.env.get("HOME");
  const given = Deno.env.get("XDG_STATE_HOME");
  // The specification says that a relative path is to be ignored.
  const state = given?.startsWith("/") ? given : home && `${home}/.local/state`;
  if (!state) throw new Deno.errors.NotFound("there is no folder for it");
  const folder = `${state}/network-io-models`;
  return [folder, `${folder}/lessons`];
}
