/**
 * Lesson 23 · A chat room: a mixed cast of clients.
 *
 * Normal ones talk in rounds: a round begins when the others have heard all of the one before. The
 * silent ones listen. A slow one sends its line byte by byte. A greedy one never reads: where there
 * is one, the normal ones talk so much that it is dropped. A rude one resets its connection in the
 * middle of a line.
 *
 * Run:  deno run --allow-net lessons/23-chat/cast.ts --cast silent:2,greedy:1,normal:6
 */

import { setTimeout as sleep } from "node:timers/promises";
import { castOptions, nameOf, type Role } from "../../shared/cast.ts";
import { clientOptions, runClients } from "../../shared/client.ts";
import { haveOneOrder } from "../../shared/one_order.ts";
import { Guest } from "./guest.ts";

const SONG = 8 * 1024 * 1024; // bytes: with one that never reads, the kernel has no room for these
const ROUND = 1024 * 1024; // bytes at the most: for these it has room, until they are read
const LONGEST = 20_000; // bytes
const SLOWLY = "one byte at a time";
const options = clientOptions(castOptions);
const cast: { name: string; role: Role; guest: Guest }[] = [];
for (const role of options.cast) {
  const number = cast.length + 1;
  const name = nameOf(role, number);
  const guest = await Guest.enter(options, `${role}-${number}`, name);
  // While its greeting is unread, closing the connection resets it: that is for the rude ones.
  if (role !== "rude") await guest.nextOfRoom("* welcome");
  cast.push({ name, role, guest });
}
const [normal, silent, slow, greedy] = (["normal", "silent", "slow", "greedy"] as const).map(those);
const listeners = [...normal, ...silent, ...slow];
const polite = cast.filter(({ role }) => role !== "rude");
const rude = cast.filter(({ role }) => role === "rude");

const talkers = Math.max(1, normal.length);
const size = greedy.length === 0 ? 0 : Math.min(LONGEST, Math.floor(ROUND / talkers));
const rounds = size === 0 ? 4 : Math.ceil(SONG / size / talkers);
const lines = Array.from({ length: rounds }, (_, i) => `line ${i + 1} `.padEnd(size, "."));
const said = new Map<string, string[]>();
for (const { name } of normal) said.set(name, lines);
for (const { name } of slow) said.set(name, [SLOWLY]);
const gone = new Map<string, () => void>(); // by what the room says of one that it has dropped
for (const guest of listeners) guest.onRoom = (line) => gone.get(line)?.();
let longest = 0;
const talk = Promise.all([converse(), ...slow.map(drip), ...rude.map(interrupt)]);
await runClients(polite.length, async (client) => {
  const { name, role, guest } = polite[client - 1];
  const all = [...said].flatMap(([name, lines]) => name === guest.name ? [] : lines).length;
  let last = "";
  if (role === "greedy") {
    const dropped = new Promise<void>((done) => gone.set(`* ${guest.name} was dropped`, done));
    await Promise.race([dropped, talk]); // it has five seconds from then on
    last = await guest.leave() ?? "";
  } else {
    await talk;
    await guest.hear(all);
  }
  const tooSlow = last.startsWith("* you were dropped");
  guest.expect(said, tooSlow);
  const end = tooSlow ? `, then: ${last}` : "";
  console.log(`${name}: heard ${guest.heard.length} of ${all} lines${end}`);
  return longest;
});
const one = haveOneOrder(cast.map(({ guest }) => guest.heard));
console.log(`all lines came to all in ${one ? "one order" : "different orders"}`);
if (!one) Deno.exitCode = 1;
for (const { guest } of cast) guest[Symbol.dispose]();

function those(role: Role): Guest[] {
  return cast.filter((one) => one.role === role).map(({ guest }) => guest);
}

async function converse() {
  for (let round = 1; round <= rounds; round++) {
    const start = performance.now();
    await Promise.all(normal.map((guest) => guest.say(lines[round - 1])));
    await Promise.all(listeners.map((guest) => {
      return guest.hear(round * (normal.length - (normal.includes(guest) ? 1 : 0)));
    }));
    longest = Math.max(longest, performance.now() - start);
    await sleep(options.pause / rounds);
  }
}

async function drip(guest: Guest) {
  const bytes = new TextEncoder().encode(`${SLOWLY}\n`);
  for (const byte of bytes) {
    await sleep(options.pause / bytes.length);
    await guest.send(Uint8Array.of(byte));
  }
}

async function interrupt({ name, guest }: typeof cast[number]) {
  await guest.send(new TextEncoder().encode("I have only half a "));
  await sleep(options.pause / 10);
  guest[Symbol.dispose]();
  console.log(`${name}: reset its connection in the middle of a line`);
}
