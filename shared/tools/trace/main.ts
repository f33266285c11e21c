/**
 * `deno task trace SCRIPT` runs a script and logs each system call that it makes, in the manner of
 * strace. With `-o FILE`, the calls become Chrome trace events in that file, which Perfetto opens.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import { refuse } from "../../options.ts";
import { Child, denoRun } from "../process/child.ts";
import { reasonOf, userPath, writeUserFile } from "../process/files.ts";
import { onEndSignal } from "../process/signals.ts";
import { closeTrace } from "./file.ts";
import { recorderPermissions, recorderUrl } from "./settings.ts";

const HELP = `deno task trace [-o FILE] SCRIPT [its options]

Runs a script under the recorder, and logs each system call on stderr:

  deno task trace lessons/03-nonblocking/server.ts --port 8080

Options, before the script:
  -o FILE     write Chrome trace events to this file instead, for ui.perfetto.dev
  -h, --help  show this`;

const { trace, script, args } = parsed();
const permissions = permissionsOf(script);
const command = denoRun(
  pathToFileURL(script),
  [...permissions, ...trace === "" ? [] : recorderPermissions(permissions, trace)],
  args,
  recorderUrl(permissions, { trace, name: script.replace(/.*\/|\.ts$/g, "") }),
);
const child = new Child(command, { stdin: "inherit", direct: true });
// Ctrl-C at a terminal reaches the script as well. This program stays until the script has ended.
onEndSignal((signal) => child.kill(signal));
const { code } = await child.ended;
try {
  if (trace !== "") closeTrace(trace);
} catch (error) {
  // The recorder may have reported already that the disk is full.
  if (code === 0) console.error(`${trace} cannot be completed: ${reasonOf(error)}`);
  Deno.exit(code || 1);
}
Deno.exit(code);

function parsed() {
  const words = Deno.args.filter((word) => word !== "--");
  if (words[0] === "-h" || words[0] === "--help") {
    console.log(HELP);
    Deno.exit(0);
  }
  const file = words[0] === "-o" ? words.splice(0, 2)[1] : undefined;
  if (file === "") refuse("-o takes the name of a file");
  const [name, ...args] = words;
  if (name === undefined) refuse("deno task trace takes a script");
  if (name.startsWith("-")) refuse(`deno task trace takes a script, and then its options: ${name}`);
  const script = userPath(name);
  try {
    if (!Deno.statSync(script).isFile) refuse(`${name} is not a script`);
  } catch (error) {
    refuse(`${name} cannot be read: ${reasonOf(error)}`);
  }
  const trace = file === undefined ? "" : userPath(file);
  try {
    if (trace !== "") writeUserFile(trace, ""); // the recorder opens what is there
  } catch (error) {
    refuse((error as Error).message);
  }
  return { trace, script, args };
}

/** What a script may do, as the line `Run:` of its header says; without one, everything. */
function permissionsOf(script: string): string[] {
  const run = /^ \* Run: +deno run ((?:--allow-\S+ )*)/m.exec(Deno.readTextFileSync(script));
  return run === null ? ["-A"] : run[1].split(" ").filter(Boolean);
}
