/**
 * Lesson 17 · What people say: C6, about the length of select's list.
 *
 * Watches 9, 90 and 900 sockets. First one of them is ready, then all of them are. Each turn does
 * what a server does: fill the set, call select, look through the result.
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c06-select-list.ts
 * Man:  select(2)
 */

import { FdSet, select } from "../../shared/linux/select.ts";
import { send } from "../../shared/linux/socket.ts";
import { connectPairs } from "./pairs.ts";
import { cpuTime, oneDigit } from "./timing.ts";
import { conclude } from "./verdict.ts";

const TURNS = 200;
const sizes = [9, 90, 900];
// Both ends of each connection are watched: more would not fit into an fd_set.
const sockets = connectPairs(450).flatMap(({ client, server }) => [client, server]);
const readable = new FdSet();

send(sockets[1], new Uint8Array(1)); // nothing ever reads it, so the other end stays ready
const oneReady = sizes.map((size) => timeOfTurn(size));

for (const fd of sockets) send(fd, new Uint8Array(1));
const allReady = sizes.map((size) => timeOfTurn(size) / size);

const [idle, active] = [oneReady, allReady].map((times) => times[2] / times[0]);
const [few, , many] = sizes;
conclude(
  "C6",
  sizes.map((size, i) => {
    const [one, all] = [oneDigit(oneReady[i], 5), allReady[i].toFixed(2)];
    return `${`${size}`.padStart(3)} sockets: 1 ready: ${one} µs; all ready: ${all} µs for each`;
  }),
  idle > 4 && active < idle / 4
    ? `it depends on how many are active: ${many} cost ${oneDigit(idle)} times ${few} with one, ${
      oneDigit(active)
    } with all`
    : idle > 4
    ? `true: ${many} sockets cost ${oneDigit(idle)} times what ${few} do`
    : "false: the length of the list made no difference",
);

/** The CPU time of one turn, in microseconds. */
function timeOfTurn(size: number): number {
  const watched = sockets.slice(0, size);
  let ready = 0;
  const time = cpuTime(() => {
    for (let turn = 0; turn < TURNS; turn++) {
      readable.clear();
      for (const fd of watched) readable.add(fd);
      select(watched[size - 1] + 1, readable, null, null);
      for (const fd of watched) if (readable.has(fd)) ready++;
    }
  }) / TURNS;
  if (ready === 0) throw new Error("select reported none");
  return time;
}
