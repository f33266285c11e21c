/**
 * Lesson 23 · A chat room: three people with nc, and a client that never reads.
 *
 * Whatever sends lines can be in the room: anna, boris and clara are processes of nc(1). Anna sings
 * until the room drops the client that never reads. Prints what each of them hears.
 *
 * Run:  deno run --allow-net --allow-run=nc lessons/23-chat/nc.ts
 * Man:  nc(1)
 */

import { clientOptions } from "../../shared/client.ts";
import { linesOf } from "../../shared/lines.ts";
import { Guest } from "./guest.ts";

const SONG = "la la la ".repeat(6000).trimEnd();
const options = clientOptions();
using silent = await Guest.enter(options, "silent"); // waits until the server is there
let verses = 0;
let dropped = false;

const [anna, boris, clara] = ["anna", "boris", "clara"].map(start);
for (const person of [anna, boris, clara]) {
  await person.say(person.name);
  await hear(person, "* welcome");
}
await clara.say("hello, 你好");
for (const person of [anna, boris]) await hear(person, "clara: hello");

while (!dropped && verses < 1000) {
  await anna.say(SONG);
  verses++;
  for (const person of [boris, clara]) await hear(person, "anna: la");
}
console.log(`(boris and clara have heard ${verses} lines of ${SONG.length} bytes from anna)`);
await boris.say("nice, but who was silent?");
for (const person of [anna, clara]) await hear(person, "boris: nice");
for (const person of [anna, boris, clara]) {
  await person.leave();
  await hear(person);
}
console.log(`silent reads now; the last line is\nsilent │ ${await silent.leave()}`);

/** Starts an nc. What it is given goes to the room, and what comes from there, it prints. */
function start(name: string) {
  const nc = new Deno.Command("nc", {
    args: ["-N", options.host, String(options.port)], // -N: the end of its input ends its sending
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const keyboard = nc.stdin.getWriter();
  return {
    name,
    lines: linesOf(nc.stdout),
    say: (line: string) => keyboard.write(new TextEncoder().encode(`${line}\n`)),
    leave: () => keyboard.close(),
  };
}

/** Prints what somebody hears, but for the song, up to a line that begins like this. */
async function hear({ name, lines }: ReturnType<typeof start>, beginning?: string) {
  while (true) {
    const { value: line, done } = await lines.next();
    if (done) return;
    if (!line.startsWith("anna: la")) console.log(`${name.padEnd(6)} │ ${line}`);
    if (line === "* silent was dropped") dropped = true;
    if (beginning !== undefined && line.startsWith(beginning)) return;
  }
}
