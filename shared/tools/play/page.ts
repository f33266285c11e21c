/**
 * The page: one file that needs nothing else.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { stripTypeScriptTypes } from "node:module";
import { gzipSync } from "node:zlib";
import type { Recording } from "./recording.ts";

const FOLDER = new URL("page/", import.meta.url);

/** What the page of `deno task play` has besides recordings: it can make new ones. */
export interface Live {
  /** What a request that starts processes has to know. */
  token: string;
  /** What can be run; two of them beside each other need clients. */
  lessons: { name: string; title: string; hasClients: boolean }[];
}

/**
 * The page with one recording, or with two beside each other.
 *
 * @param live What the page of a running server needs; undefined for one that is a file.
 */
export function pageOf(recordings: readonly Recording[], live?: Live): string {
  const script = bundle(new URL("app.ts", FOLDER));
  const style = Deno.readTextFileSync(new URL("page.css", FOLDER));
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "img-src data:",
    ...live === undefined ? [] : ["connect-src 'self'"],
  ].join("; ");
  const names = recordings.map(({ title }) => title).join(" | ");
  const values: Record<string, string> = {
    POLICY: policy,
    TITLE: escape(names === "" ? "Play" : names),
    STYLE: style,
    // Base64 has nothing that could end the element; JSON in it might.
    DATA: gzipSync(JSON.stringify({ recordings, live })).toString("base64"),
    SCRIPT: script,
  };
  return Deno.readTextFileSync(new URL("page.html", FOLDER))
    .replaceAll(/\{\{(\w+)\}\}|\s*\/\* ([A-Z]+) \*\/\s*/g, (_, text, code) => values[text ?? code]);
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

const IMPORT = /^import (type )?\{([^}]*)\} from "([^"]+)";\n/gm;
const EXPORT = /^export (?=(?:class|function\*?|const) (\w+))/gm;

/**
 * A module and all that it imports as one script, without types: each module is a function that
 * returns what it exports. That works since they are all written in the same way: imports by name,
 * exports in front of what is exported.
 */
function bundle(entry: URL): string {
  const modules = new Map<string, string>(); // the names of those that are in the script
  let script = "";
  function add(url: URL): string {
    const known = modules.get(url.href);
    if (known !== undefined) return known;
    const source = Deno.readTextFileSync(url);
    const imports = [...source.matchAll(IMPORT)].flatMap(([, types, names, path]) => {
      const values = names.split(",").map((name) => name.trim())
        .filter((name) => name !== "" && !name.startsWith("type "));
      if (types !== undefined || values.length === 0) return [];
      return [`const { ${values.join(", ")} } = ${add(new URL(path, url))};`];
    });
    const exported: string[] = [];
    const code = stripTypeScriptTypes(
      source.replaceAll(IMPORT, "").replaceAll(EXPORT, (_, name) => {
        exported.push(name);
        return "";
      }),
    );
    const name = `module${modules.size}`;
    modules.set(url.href, name);
    const body = [...imports, code.trim(), `return { ${exported.join(", ")} };`].join("\n");
    script += `const ${name} = (() => {\n${body}\n})();\n`;
    return name;
  }
  add(entry);
  return `"use strict";\n${script}`.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/\n\s*\n+/g, "\n")
    .replaceAll("</", "<\\/");
}
