/** Lesson 18: how many threads wake for a client, and what a full pool means. */

import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { deadline, delay } from "@std/async";
import { connect, say } from "../shared/tools/check/clients.ts";
import type { Subject } from "../shared/tools/check/server.ts";
import { Child, denoRun } from "../shared/tools/process/child.ts";
import { childrenOf, descriptorsOf, isRunning, readThreads } from "../shared/tools/process/proc.ts";
import { subjectOf, withEdit } from "./mutants/mutants.ts";
import { deno } from "./processes.ts";

const THREADS = 8;

/** A running pool, whose threads can be looked at. */
class Pool implements AsyncDisposable {
  readonly child: Child;
  readonly address: { host: string; port: number };

  private constructor(child: Child, port: number) {
    this.child = child;
    this.address = { host: "127.0.0.1", port };
  }

  static async start({ script, permissions, args = [] }: Subject, ...more: string[]) {
    const child = new Child(denoRun(script, permissions, ["--port", "0", ...args, ...more]));
    const port = await child.listening();
    assert(port !== undefined, child.errors.join("\n"));
    return new Pool(child, port);
  }

  /** How often each thread has given up its core to wait, by thread id; only those of the pool. */
  switches(): Map<string, number> {
    const threads = [...readThreads(this.child.pid, "comm", "status")];
    const own = threads.filter(([, [name]]) => name.startsWith("worker-"));
    return new Map(own.map(([thread, [, status]]) => {
      return [thread, Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)![1])];
    }));
  }

  /** Waits until no thread of the pool has woken for 50 ms: all of them sleep. */
  async asleep(): Promise<Map<string, number>> {
    for (let i = 0, before = ""; i < 100; i++) {
      const switches = this.switches();
      const now = JSON.stringify([...switches]);
      if (now === before) return switches;
      before = now;
      await delay(50);
    }
    throw new Error("the threads do not sleep");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

/** How many threads of a pool wake for each client that comes and says something. */
async function wokenByOne(subject: Subject): Promise<number> {
  await using pool = await Pool.start(subject);
  const before = await pool.asleep();
  assertEquals(before.size, THREADS);
  const clients = 10;
  let woken = 0;
  for (let i = 0, last = before; i < clients; i++) {
    const connection = await connect(pool.address);
    await say(connection); // now its thread is awake, and any other that was woken will be soon
    const after = await pool.asleep();
    woken += [...after].filter(([thread, times]) => times > last.get(thread)!).length;
    connection.close();
    last = await pool.asleep();
  }
  return woken / clients;
}

const pool = subjectOf("18 thread-pool");
const queue = subjectOf("18 thread-pool queue");

for (const [subject, call] of [[pool, "in accept"], [queue, "for the queue"]] as const) {
  Deno.test(`${subject.name}: one client wakes one of the threads that sleep ${call}`, async () => {
    const woken = await wokenByOne(subject);
    assertGreater(woken, 0.9);
    assertLess(woken, 1.5);
  });
}

Deno.test("18 thread-pool: a pool that waits in poll before accept wakes the herd", async () => {
  await withEdit(pool, [
    ["import { addressOf, listenTcp }", "import { addressOf, listenTcp, SOCK_NONBLOCK }"],
    ["listenTcp(options)", "listenTcp(options, SOCK_NONBLOCK)"],
    [
      "import { accept, recv, sendAll }",
      `import { poll, POLLIN, PollList } from "../../shared/linux/poll.ts";
import { recv, sendAll, tryAccept4 }`,
    ],
    [
      "    serve(accept(listener));\n",
      `    const list = new PollList();
    list.add(listener, POLLIN);
    let connection;
    do poll(list); while ((connection = tryAccept4(listener)) < 0);
    serve(connection);
`,
    ],
  ], async (herd) => {
    assertGreater(await wokenByOne(herd), THREADS / 2);
  });
});

for (const subject of [pool, queue]) {
  Deno.test(`${subject.name}: silent clients take all threads until one goes`, async () => {
    await using pool = await Pool.start(subject);
    using stack = new DisposableStack();
    const silent: Deno.TcpConn[] = [];
    for (let i = 0; i < THREADS; i++) {
      silent.push(stack.use(await connect(pool.address)));
      await say(silent[i]); // it has a thread
    }
    const next = stack.use(await connect(pool.address));
    let answered = false;
    const reply = say(next).then(() => answered = true);
    await pool.asleep(); // nothing is left to do for anybody
    await delay(100);
    assert(!answered);
    silent[3].closeWrite();
    await deadline(reply, 5000);
  });

  Deno.test(`${subject.name}: no more threads than there are descriptors for`, async () => {
    const first: string[] = [];
    const { script, permissions } = subject;
    await using child = new Child(denoRun(script, permissions, ["--port", "0"]), {
      descriptors: 64,
      onLine: (line) => first.push(line),
    });
    assert(await child.listening() !== undefined, child.errors.join("\n"));
    while (first.length < 2) await delay(10);
    assertMatch(first[1], /^threads that \w+: 3\b/);
  });

  Deno.test(`${subject.name}: no signal leaves anything of it running`, async () => {
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await using pool = await Pool.start(subject);
      using client = await connect(pool.address);
      await say(client);
      const { pid } = pool.child;
      assertEquals(childrenOf(pid), []);
      pool.child.kill(signal);
      assertEquals((await deadline(pool.child.ended, 5000)).signal, signal);
      assert(!isRunning(pid));
    }
  });
}

Deno.test("18 thread-pool queue: when the queue is full, accepting waits", async () => {
  await using pool = await Pool.start(queue, "--threads", "1", "--queue", "2");
  const before = descriptorsOf(pool.child.pid);
  const clients: Deno.TcpConn[] = [];
  using stack = new DisposableStack();
  for (let i = 0; i < 10; i++) clients.push(stack.use(await connect(pool.address)));
  await say(clients[0]);
  await pool.asleep();
  // One has the thread, two are in the queue, and the main thread waits with the next in its hand.
  assertEquals(descriptorsOf(pool.child.pid) - before, 4);
  for (const client of clients) {
    await deadline(say(client), 5000);
    client.closeWrite();
  }
});

Deno.test("18 thread-pool: wakes.ts counts one thread for each client, and a herd", async () => {
  const permissions = ["--allow-ffi", "--allow-net", "--allow-read"];
  const script = "lessons/18-thread-pool/wakes.ts";
  const { code, stdout, stderr } = await deno(["run", "--no-prompt", ...permissions, script]);
  assertEquals([code, stderr], [0, ""]);
  const [accept, poll] = [...stdout.matchAll(/([\d.]+) for each client/g)].map(([, n]) =>
    Number(n)
  );
  assertGreater(accept, 0.9);
  assertLess(accept, 1.5);
  assertGreater(poll, THREADS / 2);
});
