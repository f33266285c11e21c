/**
 * Clients that say hello once and stay: how many of them a server answers, and the memory that it
 * then has.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { checkReply, sendAll } from "../../shared/client.ts";
import { connectOnce } from "../../shared/ready.ts";
import type { Child } from "../../shared/tools/process/child.ts";
import { familyOf, settled } from "../../shared/tools/process/proc.ts";

const hello = new TextEncoder().encode("hello");
/** In so many milliseconds, a server that has room for a client answers it. */
const PATIENCE = 2000;
/** How long a server has nothing to do before its memory is read, in milliseconds. */
const REST = 500;

/** What a server held. */
export interface Held {
  /** How many clients it has answered. */
  answered: number;
  /** Its memory with the first of them, in KiB. */
  first: number;
  /** Its memory with all of them, in KiB. */
  all: number;
}

/** Lets clients come to a server until one is not answered, or until there are `most`. */
export async function hold(child: Child, most: number): Promise<Held> {
  await using server = child;
  using clients = new DisposableStack();
  const port = await server.listening();
  if (port === undefined) throw new Error(server.errors[0] ?? "it has not begun to listen");
  await settled(server.pid);
  let [answered, first] = [0, 0];
  while (answered < most) {
    const client = clients.use(await connectOnce({ host: "127.0.0.1", port }));
    await sendAll(client, hello);
    if (!await checkReply(client, hello, PATIENCE).then(() => true, () => false)) break;
    answered++;
    if (answered === 1) first = await memoryOf(server.pid);
  }
  return { answered, first, all: await memoryOf(server.pid) };
}

/** The memory that processes have for themselves: see proc_pid_smaps(5), Anonymous. */
async function memoryOf(pid: number): Promise<number> {
  await sleep(REST);
  return familyOf(pid).reduce((sum, pid) => {
    const maps = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
    return sum + Number(/^Anonymous: +(\d+) kB$/m.exec(maps)![1]);
  }, 0);
}
