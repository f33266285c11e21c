/**
 * Lesson 20 · A loop for each core: what more loops bring.
 *
 * Fifty clients send one message after another, first to a server with one loop, then to one with a
 * loop for each core, in turn for several rounds. The clients are in a process of their own, which
 * needs cores as well, so its share of them is printed beside the server's. A loop more can bring
 * no more than the load leaves.
 *
 * Run:  deno run -A lessons/20-loop-per-core/throughput.ts
 * Try:  deno run -A lessons/20-loop-per-core/throughput.ts --loops 4 --clients 900
 * Man:  proc_pid_stat(5), sched(7)
 */

import { Load, measure } from "../16-comparison/measure.ts";
import { median } from "../16-comparison/statistics.ts";
import { number, parseOptions } from "../../shared/options.ts";
import { loopsOption } from "./loops.ts";

const options = parseOptions({
  loops: loopsOption(),
  clients: number(50, "how many there are, all of them active", 1, 900),
  rounds: number(5, "how often each server is measured", 1, 100),
  time: number(1000, "how long each time, in milliseconds", 100),
});
const server = new URL("./server.ts", import.meta.url).href;
const { clients: connections, rounds, time } = options;

await using load = new Load();
for (const size of [64, 64 * 1024]) {
  console.log(`${connections} clients, messages of ${size} bytes`);
  const measured = new Map<number, Round[]>([[1, []], [options.loops, []]]);
  for (let round = 0; round < rounds; round++) {
    for (const [loops, results] of measured) results.push(await visit(loops, size));
  }
  for (const [loops, results] of measured) {
    const [perSecond, ofServer, ofLoad] = [0, 1, 2].map((i) =>
      median(results.map((one) => one[i]))
    );
    const name = `${loops} loop${loops === 1 ? " " : "s"}`;
    console.log(
      `  ${name}  ${perSecond.toFixed(0).padStart(7)} messages a second, ` +
        `${(1e6 * ofServer / perSecond).toFixed(1)} µs of CPU time each; ` +
        `cores: server ${ofServer.toFixed(2)}, load ${ofLoad.toFixed(2)}`,
    );
  }
}

/** Messages a second, and how many cores the server and the load used. */
type Round = [perSecond: number, server: number, load: number];

async function visit(loops: number, size: number): Promise<Round> {
  const script = ["run", "--allow-ffi", "--allow-read", server, "--port", "0"];
  const command = [Deno.execPath(), ...script, "--loops", `${loops}`];
  const conditions = { connections, active: connections, size, time, rate: 100 };
  const result = await measure({ name: `${loops} loops`, command }, load, conditions);
  const { messages, wall } = result;
  return [1000 * messages / wall, result.server / wall, result.load / wall];
}
