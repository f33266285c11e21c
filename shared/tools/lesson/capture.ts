/**
 * `deno task capture [README.md …]` runs the commands in the READMEs again, and replaces what is
 * recorded there. A command is the first line of a block of the language `console`, and begins with
 * `$ `. The exit code is recorded unless it is 0.
 *
 * @module
 */

import { LESSONS } from "./catalogue.ts";

const BLOCK = /^```console\n\$ (.+)\n[^]*?^```$/gm;

const paths = Deno.args.length > 0 ? Deno.args : ["README.md", ...lessonReadmes()];
for (const path of paths) {
  const readme = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, readme.replaceAll(BLOCK, (_, command) => block(command)));
}

function lessonReadmes(): string[] {
  const folders = [...Deno.readDirSync(LESSONS)].filter(({ isDirectory }) => isDirectory);
  return folders.map(({ name }) => `lessons/${name}/README.md`).sort();
}

function block(command: string): string {
  console.log(`$ ${command}`);
  const { code, stdout } = new Deno.Command("sh", {
    args: ["-c", `{ ${command}; } 2>&1`],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stderr: "inherit",
  }).outputSync();
  const output = new TextDecoder().decode(stdout)
    .replaceAll(/^Task lesson.*\n/gm, "") // Deno's own line about the task
    .trimEnd();
  const status = code === 0 ? "" : `\n(exit code ${code})`;
  return `\`\`\`console\n$ ${command}\n${output}${status}\n\`\`\``;
}
