/**
 * Lesson 16 · Every model under one load: what a second event loop brings.
 *
 * Fifty clients send one message after another to the server of lesson 20, first with one loop,
 * then with one for each core, in turn for several rounds. The clients are in a process of their
 * own, which needs cores as well, so its share is printed beside the server's: more loops can bring
 * no more than the load leaves.
 *
 * Run:  deno run -A lessons/16-comparison/loops.ts
 * Try:  deno run -A lessons/16-comparison/loops.ts --loops 4 --clients 900
 */

import { number, parseOptions } from "../../shared/options.ts";
import { servers } from "../../shared/tools/lesson/catalogue.ts";
import { denoRun } from "../../shared/tools/process/child.ts";
import { sizeName } from "./cells.ts";
import { Load, measure } from "./measure.ts";
import { median } from "./statistics.ts";

const options = parseOptions({
  loops: number(navigator.hardwareConcurrency, "how many loops the second server has", 2, 100),
  clients: number(50, "how many there are, all of them active", 1, 900),
  rounds: number(5, "how often each server is measured", 1, 100),
  time: number(1000, "how long each time, in milliseconds", 100),
});
const { script, permissions } = servers.find(({ name }) => name === "20 loop-per-core")!;
const { clients: connections, rounds, time } = options;

await using load = new Load();
for (const size of [64, 64 * 1024]) {
  console.log(`${connections} clients, messages of ${sizeName(size)}`);
  const measured = new Map<number, Round[]>([[1, []], [options.loops, []]]);
  for (let round = 0; round < rounds; round++) {
    for (const [loops, results] of measured) results.push(await visit(loops, size));
  }
  for (const [loops, results] of measured) {
    const [perSecond, server, ofLoad] = [0, 1, 2].map((i) => median(results.map((one) => one[i])));
    const name = `${loops} ${loops === 1 ? "loop" : "loops"}`.padEnd(8);
    console.log(
      `  ${name}${perSecond.toFixed(0).padStart(7)} messages a second, ` +
        `${(1e6 * server / perSecond).toFixed(1)} µs of CPU time for each; ` +
        `cores: ${server.toFixed(2)} for the server, ${ofLoad.toFixed(2)} for the load`,
    );
  }
}

/** Messages a second, and how many cores the server and the load used. */
type Round = [perSecond: number, server: number, load: number];

async function visit(loops: number, size: number): Promise<Round> {
  const command = denoRun(script, permissions, ["--port", "0", "--loops", `${loops}`]);
  const conditions = { connections, active: connections, size, time, rate: 100 };
  const result = await measure({ name: `${loops} loops`, command }, load, conditions);
  const { messages, wall } = result;
  return [1000 * messages / wall, result.server / wall, result.load / wall];
}
