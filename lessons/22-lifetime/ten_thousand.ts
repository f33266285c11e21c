/**
 * Lesson 22 · A server's life: the cost of 10,000 timers.
 *
 * Each of 10,000 clients has a timer that is due within a minute. Whenever a client says something,
 * its timer is moved. At each tick, the clients whose timers are due go, and others come in their
 * place. Measures both on a timing wheel, on the heap of lesson 12, and in a sorted list.
 *
 * Run:  deno run lessons/22-lifetime/ten_thousand.ts
 */

import { Timers } from "../../shared/timers.ts";
import { TimingWheel } from "../../shared/timing_wheel.ts";

const [CLIENTS, TICK, MINUTE] = [10_000, 20, 60_000];
const [ROUNDS, MOVES, TICKS] = [9, 10_000, 1000];

/** A way to keep timers. */
interface Keeper {
  move(client: number, time: number): void;
  takeDue(now: number): number[];
}

function onWheel(): Keeper {
  const wheel = new TimingWheel<number>(TICK);
  const timers = Array.from({ length: CLIENTS }, (_, client) => wheel.add(Infinity, client));
  return {
    move: (client, time) => wheel.move(timers[client], time),
    takeDue: (now) => wheel.takeDue(now),
  };
}

function onHeap(): Keeper {
  const heap = new Timers<number>();
  const timers = Array.from({ length: CLIENTS }, (_, client) => heap.add(Infinity, client));
  return {
    move(client, time) {
      heap.delete(timers[client]);
      timers[client] = heap.add(time, client);
    },
    takeDue(now) {
      const due: number[] = [];
      for (let timer; (timer = heap.takeDue(now)) !== undefined;) due.push(timer.item);
      return due;
    },
  };
}

function inSortedList(): Keeper {
  const times = new Float64Array(CLIENTS).fill(Infinity); // by client
  const list = Array.from({ length: CLIENTS }, (_, client) => client); // by time, then by client
  function place(client: number): number { // by bisection
    let [low, high] = [0, list.length];
    while (low < high) {
      const [middle, other] = [(low + high) >> 1, list[(low + high) >> 1]];
      if (times[other] < times[client] || times[other] === times[client] && other < client) {
        low = middle + 1;
      } else high = middle;
    }
    return low;
  }
  return {
    move(client, time) {
      const index = place(client);
      if (list[index] === client) list.splice(index, 1);
      times[client] = time;
      list.splice(place(client), 0, client);
    },
    takeDue(now) {
      const end = list.findIndex((client) => times[client] > now);
      return list.splice(0, end === -1 ? list.length : end);
    },
  };
}

const KEEPERS = { "timing wheel": onWheel, "heap": onHeap, "sorted list": inSortedList };
console.log(`10,000 timers   one is moved   a tick of ${TICK} ms`);
for (const [name, keep] of Object.entries(KEEPERS)) {
  const [moves, ticks, keeper] = [[] as number[], [] as number[], keep()];
  let [now, due, state] = [0, 0, 1];
  const soon = () => now + (state = state * 48271 % 0x7fffffff) % MINUTE; // looks random
  for (let client = 0; client < CLIENTS; client++) keeper.move(client, soon());
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < MOVES; i++) keeper.move(i * 7919 % CLIENTS, soon());
    const middle = performance.now();
    for (let i = 0; i < TICKS; i++) {
      const late = keeper.takeDue(now += TICK);
      for (const client of late) keeper.move(client, soon());
      due += late.length;
    }
    moves.push((middle - start) / MOVES * 1000);
    ticks.push((performance.now() - middle) / TICKS * 1000);
  }
  const [move, tick] = [moves, ticks].map((times) => times.sort((a, b) => a - b)[ROUNDS >> 1]);
  const costs = `${move.toFixed(2).padStart(9)} µs ${tick.toFixed(1).padStart(13)} µs`;
  console.log(`${name.padEnd(13)} ${costs}, ${(due / ROUNDS / TICKS).toFixed(1)} due`);
}
