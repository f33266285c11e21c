/**
 * Copies of a server with something else in it: in a script, or in a module beside it.
 *
 * @module
 */

/**
 * The texts of a script and of the modules beside it that it uses: as imports, as Workers, or as
 * processes of their own.
 */
export function sourcesOf(script: URL): Map<string, string> {
  const sources = new Map<string, string>();
  collect(script, sources);
  return sources;
}

/** Adds a file, and the modules beside it that it names. */
function collect(file: URL, sources: Map<string, string>): void {
  if (sources.has(file.href)) return;
  const text = Deno.readTextFileSync(file);
  sources.set(file.href, text);
  for (const [, name] of text.matchAll(/"\.\/(\w+\.ts)"/g)) collect(new URL(name, file), sources);
}

/**
 * Writes such texts into a folder. Among each other, they import what is there; all other imports
 * lead back to where they are.
 *
 * @param folder The folder, which ends with a slash.
 */
export function writeSources(sources: ReadonlyMap<string, string>, folder: URL): void {
  const names = [...sources.keys()].map((href) => `./${nameOf(href)}`);
  for (const [href, text] of sources) {
    const leadingBack = text.replace(
      /"(\.\.?\/[^"]*\.ts)"/g,
      (quoted, path) => names.includes(path) ? quoted : JSON.stringify(new URL(path, href)),
    );
    Deno.writeTextFileSync(new URL(nameOf(href), folder), leadingBack);
  }
}

function nameOf(href: string): string {
  return href.slice(href.lastIndexOf("/") + 1);
}
