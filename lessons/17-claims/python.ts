/**
 * Asks Python, for claims that are about Python as well.
 *
 * @module
 */

/** What Python prints when it runs some code; undefined if there is no python3. */
export function askPython(code: string): string | undefined {
  try {
    const { stdout } = new Deno.Command("python3", { args: ["-c", code] }).outputSync();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return undefined;
  }
}
