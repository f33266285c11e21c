/**
 * `deno task speed`: what a message costs each server, and what people would use instead.
 *
 * All servers speak shout. One after another, in each of several rounds, each is started, visited
 * by `load.ts` from a second process, and ended. What counts is the CPU time of the server for each
 * message, as the kernel accounts it, and its ratio to the C server in the same run: the machine
 * may do other things as well, and then all of them have the same bad luck.
 *
 * @module
 */

import { styleText } from "node:util";
import { serverLessons } from "../lesson/catalogue.ts";
import { linesOf } from "../lesson/lines.ts";
import { LESSONS } from "../lesson/run.ts";
import { number, type Option, parseOptions, text } from "../options.ts";
import type { Measurement } from "./load.ts";

/** A server that is measured. */
interface Contender {
  name: string;
  /** How it is started; it prints `listening on HOST:PORT`. */
  command: string[];
}

const LISTENING = /^listening on .*:(\d+)$/m;
const PEERS = new URL("./peers/", import.meta.url).pathname;
const LOAD = new URL("./load.ts", import.meta.url).pathname;

const connectionCounts: Option<number[]> = {
  placeholder: "N,…",
  help: "how many connections are active (1,50,900)",
  initial: [1, 50, 900],
  parse(text) {
    if (!/^\d+(,\d+)*$/.test(text)) throw new Error(`numbers such as 1,50,900, not "${text}"`);
    return text.split(",").map(Number);
  },
};

const options = parseOptions({
  connections: connectionCounts,
  rounds: number(3, "how often each server is measured", 1, 100),
  time: number(1000, "milliseconds for each measurement", 100, 60_000),
  only: {
    ...text("", "only servers with one of these words in their names"),
    placeholder: "WORD,…",
  },
});

const directory = Deno.makeTempDirSync({ prefix: "speed-" });
try {
  const words = options.only.split(",");
  const contenders = [...lessons(), ...peers(directory)]
    .filter(({ name }) => words.some((word) => name.includes(word)));
  for (const count of options.connections) await compare(contenders, count);
} finally {
  Deno.removeSync(directory, { recursive: true });
}

/** The servers of the lessons; the polling and the sequential ones would measure something else. */
function lessons(): Contender[] {
  return serverLessons.filter(({ server }) => !server.polling && !server.sequential)
    .filter(({ number }) => number !== "02")
    .flatMap(({ folder, server: { permissions, variants = [] } }) =>
      [[], ...variants].map((args) => ({
        name: [folder.replace("-", " "), ...args].join(" "),
        command: [
          Deno.execPath(),
          "run",
          "--quiet",
          ...permissions,
          new URL(`${folder}/server.ts`, LESSONS).href,
          "--port",
          "0",
          ...args,
        ],
      }))
    );
}

/** What people would use instead, as far as this machine has it; says what it lacks. */
function peers(directory: string): Contender[] {
  const found: Contender[] = [];
  const compiled = `${directory}/epoll`;
  if (succeeds(["cc", "-O2", "-o", compiled, `${PEERS}epoll.c`])) {
    found.push({ name: "C epoll", command: [compiled] });
  } else missing("C epoll", "a C compiler, such as Debian's gcc and libc6-dev");

  const deno = [Deno.execPath(), "run", "--quiet", "--allow-net", `${PEERS}deno_listen.ts`];
  found.push({ name: "Deno.listen", command: deno });

  if (succeeds(["node", "--version"])) {
    found.push({ name: "Node net", command: ["node", `${PEERS}node.mjs`] });
  } else missing("Node net", "Node.js");

  for (
    const [name, module, script, ...args] of [
      ["Python selectors", "selectors", "py_selectors.py"],
      ["Python asyncio", "asyncio", "py_asyncio.py"],
      ["Python uvloop", "uvloop", "py_asyncio.py", "uvloop"],
      ["Python gevent", "gevent", "py_gevent.py"],
    ]
  ) {
    const python = ["python3", "/usr/bin/python3"]
      .find((python) => succeeds([python, "-c", `import ${module}`]));
    if (python !== undefined) found.push({ name, command: [python, PEERS + script, ...args] });
    else missing(name, `Python 3 with ${module}, such as Debian's python3-${module}`);
  }
  return found;
}

function missing(name: string, what: string) {
  console.log(`not measured: ${name}, which needs ${what}`);
}

function succeeds([program, ...args]: string[]): boolean {
  try {
    const options = { args, stdin: "null", stdout: "null", stderr: "null" } as const;
    return new Deno.Command(program, options).outputSync().success;
  } catch {
    return false; // there is no such program
  }
}

async function compare(contenders: Contender[], connections: number) {
  const results = new Map<string, Measurement[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const contender of contenders) {
      results.get(contender.name)!.push(await measure(contender, connections));
    }
  }
  print(connections, results);
}

async function measure({ name, command: [program, ...args] }: Contender, connections: number) {
  const server = new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
  try {
    for await (const line of linesOf(server.stdout)) {
      const port = LISTENING.exec(line)?.[1];
      if (port !== undefined) return await load(port, server.pid, connections);
    }
    throw new Error(`${name} has ended before it listened`);
  } finally {
    try {
      server.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await server.status;
  }
}

async function load(port: string, pid: number, connections: number): Promise<Measurement> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", LOAD, port, String(pid), String(connections), String(options.time)],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function print(connections: number, results: Map<string, Measurement[]>) {
  const rows = [...results].map(([name, measurements]) => ({
    name,
    cost: median(measurements.map(({ server, messages }) => 1000 * server / messages)),
    rate: median(measurements.map(({ messages, wall }) => 1000 * messages / wall)),
    load: median(measurements.map(({ load, wall }) => load / wall)),
  })).sort((a, b) => a.cost - b.cost);
  const reference = rows.find(({ name }) => name === "C epoll");
  const width = Math.max(...rows.map(({ name }) => name.length), 20);
  console.log(styleText("bold", `\n${connections} active connections, 64 bytes`));
  console.log(`${"server".padEnd(width)}  CPU/message  to C  messages/s  to C  load's CPU`);
  for (const { name, cost, rate, load } of rows) {
    const columns = [
      `${cost.toFixed(2)} µs`.padStart(11),
      reference === undefined ? "   –" : (cost / reference.cost).toFixed(2),
      Math.round(rate).toLocaleString("en").padStart(10),
      reference === undefined ? "   –" : (rate / reference.rate).toFixed(2),
      `${Math.round(100 * load)} %`.padStart(10),
    ];
    console.log([name.padEnd(width), ...columns].join("  "));
  }
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
