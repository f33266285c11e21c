/**
 * Lesson 16 · Every model under one load: why the same loop took two different times.
 *
 * `shout` used to change one byte at a time, and a message of 64 KiB cost twice as much in lesson
 * 09 as in lesson 06, although both called the same function. In lesson 09, V8's middle compiler
 * (Maglev) inlined it into its caller, and that code stayed in use. This script calls the old loop
 * and the present one, in processes in which Maglev may inline and in which it may not.
 *
 * Run:  deno run --allow-run lessons/16-comparison/inlining.ts
 */

import process from "node:process";
import { shout } from "../../shared/shout.ts";
import { median } from "./statistics.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const [SIZE, ROUNDS, BLOCKS, MESSAGES] = [64 * 1024, 3, 9, 100];
const WARM_UP = 200; // milliseconds, in which V8 compiles what is hot

if (Deno.args[0] === "measure") console.log(JSON.stringify([handleBytes, handleWords].map(cost)));
else compare();

function compare() {
  const inlined = [Infinity, Infinity];
  const called = [Infinity, Infinity];
  // In turn, and the least counts: whatever else the machine does can only add to it.
  for (let round = 0; round < ROUNDS; round++) {
    measure("--maglev-inlining", inlined); // the default
    measure("--no-maglev-inlining", called);
  }
  console.log("µs for 64 KiB         by bytes   by words");
  for (const [name, costs] of Object.entries({ inlined, called })) {
    console.log(
      `  ${name.padEnd(17)}${costs.map((cost) => cost.toFixed(1).padStart(11)).join("")}`,
    );
  }
  for (const [i, loop] of ["by bytes", "by words"].entries()) {
    const ratio = inlined[i] / called[i];
    const effect = ratio > 1.4 ? `makes it ${ratio.toFixed(1)} times as slow` : "hardly matters";
    console.log(`${loop}: inlining ${effect}`);
  }
}

/** Runs this script with an option of V8, and keeps what both loops cost if it is less. */
function measure(option: string, costs: number[]) {
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", `--v8-flags=${option}`, import.meta.url, "measure"],
    stderr: "inherit",
  }).outputSync();
  const measured: number[] = JSON.parse(new TextDecoder().decode(stdout));
  measured.forEach((cost, i) => costs[i] = Math.min(costs[i], cost));
}

/** The median CPU time of a handler for each message, in microseconds, once it is hot. */
function cost(handle: (buffer: Bytes, length: number) => void): number {
  const buffer = new Uint8Array(SIZE);
  const message = Uint8Array.from(buffer, (_, i) => (97 + i) % 251);
  const costs: number[] = [];
  for (const start = performance.now(); costs.length < BLOCKS;) {
    const before = process.cpuUsage().user;
    for (let i = 0; i < MESSAGES; i++) {
      buffer.set(message);
      handle(buffer, SIZE);
    }
    const used = process.cpuUsage().user - before;
    if (performance.now() > start + WARM_UP) costs.push(used / MESSAGES);
  }
  return median(costs);
}

// As the servers do: a function of their own calls shout for each message.
function handleBytes(buffer: Bytes, length: number) {
  shoutBytes(buffer, length);
}

function handleWords(buffer: Bytes, length: number) {
  shout(buffer, length);
}

/** `shout` as it was. */
function shoutBytes(bytes: Bytes, length: number): Bytes {
  for (let i = 0; i < length; i++) {
    const byte = bytes[i];
    if (byte >= 97 && byte <= 122) bytes[i] = byte - 32;
  }
  return bytes;
}
