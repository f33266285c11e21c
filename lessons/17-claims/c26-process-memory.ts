/**
 * Lesson 17 · What people say: C26, about the memory of processes and threads.
 *
 * Eight clients are served at a time: by eight threads of one process, in lesson 02, and by eight
 * processes with a supervisor, in lesson 19. Rss counts a page again for each process that maps it;
 * Pss divides it among them. What belongs to one process alone is its private memory.
 *
 * Run:  deno run -A lessons/17-claims/c26-process-memory.ts
 * Man:  proc_pid_smaps(5)
 */

import { ask } from "../../shared/client.ts";
import { connectWhenReady } from "../../shared/ready.ts";
import { familyOf, settled } from "../../shared/tools/process/proc.ts";
import { type Server, startServer } from "./servers.ts";
import { conclude } from "./verdict.ts";

const CLIENTS = 8;
const FIELDS = ["Rss", "Pss", "Private_Clean", "Private_Dirty"];

const threads = await memoryWithClients("02");
const processes = await memoryWithClients("19", "--processes", `${CLIENTS}`);

const [pss, resident] = [processes.pss / threads.pss, processes.rss / threads.rss];
const [times, seeming] = [pss, resident].map((ratio) => ratio.toFixed(1));

conclude(
  "C26",
  [
    rowOf("1 process with 8 threads", threads),
    rowOf("8 processes and their supervisor", processes),
  ],
  pss > 1.1
    ? `true: ${times} times as much, but not ${seeming} times, as the resident memory would have it`
    : `false: ${times} times as much, since they share what they do not change`,
);

/** The memory of a server in MiB, while each of its threads or processes serves a client. */
async function memoryWithClients(lesson: string, ...args: string[]) {
  await using server = await startServer(lesson, ...args);
  await settled(server.pid);
  using stack = new DisposableStack();
  for (let i = 0; i < CLIENTS; i++) {
    await ask(stack.use(await connectWhenReady({ host: "127.0.0.1", port: server.port })), hello());
  }
  return memoryOf(server);
}

function hello(): Uint8Array {
  return new TextEncoder().encode("hello");
}

function memoryOf({ pid }: Server) {
  const family = familyOf(pid);
  const maps = family.map((pid) => Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`));
  const [rss, pss, ...own] = FIELDS.map((field) => {
    const pattern = new RegExp(`^${field}: +(\\d+) kB$`, "m");
    return maps.reduce((sum, map) => sum + Number(pattern.exec(map)![1]) / 1024, 0);
  });
  return { rss, pss, own: own[0] + own[1] };
}

function rowOf(what: string, { rss, pss, own }: ReturnType<typeof memoryOf>): string {
  const [resident, shared, alone] = [rss, pss, own].map((mebibytes) => mebibytes.toFixed(0));
  return `${what}: ${resident} MiB resident, ${shared} MiB as PSS, ` +
    `${alone} MiB private`;
}
