/**
 * Lesson 23 · A chat room: the client.
 *
 * Some clients converse: each says its next line when it has heard what all others have said. One
 * more reads nothing. With --interactive, you are in the room yourself.
 *
 * Run:  deno run --allow-net lessons/23-chat/client.ts
 * Try:  deno run --allow-net lessons/23-chat/client.ts --interactive
 */

import { clientOptions, runClients } from "../../shared/client.ts";
import { haveOneOrder } from "../../shared/one_order.ts";
import { flag, number } from "../../shared/options.ts";
import { Guest } from "./guest.ts";
import { talk } from "./person.ts";

const options = clientOptions({
  interactive: flag("talk to the others yourself"),
  clients: number(4, "how many converse", 2, 1000),
  silent: number(1, "how many more there are, which read nothing", 0, 1000),
  lines: number(100, "how many lines each of the others says"),
  size: number(20_000, "how long each of these is, in bytes", 20, 65_536),
});
const { clients, lines, size } = options;
const said = Array.from({ length: lines }, (_, i) => `line ${i + 1} `.padEnd(size, "."));
const guests: Guest[] = [];

await (options.interactive ? talk(options) : converse());

async function converse() {
  for (let n = 1; n <= clients; n++) {
    guests.push(await Guest.enter(options, `guest-${n}`));
    await guests[n - 1].nextOfRoom("* welcome");
  }
  const silent: Guest[] = [];
  for (let n = 1; n <= options.silent; n++) {
    silent.push(await Guest.enter(options, `silent-${n}`));
    await guests[0].nextOfRoom(`* silent-${n} came`);
  }
  await runClients(clients, visit);
  const one = haveOneOrder(guests.map(({ heard }) => heard));
  console.log(`all lines came to all in ${one ? "one order" : "different orders"}`);
  if (!one) Deno.exitCode = 1;
  for (const guest of guests) guest[Symbol.dispose]();
  for (const guest of silent) console.log(`${guest.name}, at the end: ${await guest.leave()}`);
}

async function visit(client: number): Promise<number> {
  const guest = guests[client - 1];
  let longest = 0;
  for (const [i, line] of said.entries()) {
    const start = performance.now();
    await guest.say(line);
    await guest.hear((i + 1) * (clients - 1));
    longest = Math.max(longest, performance.now() - start);
  }
  guest.expect(new Map(guests.map(({ name }) => [name, said])));
  return longest;
}
