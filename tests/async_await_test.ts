/** Lesson 15: what its README says about Deno's own sockets. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { serverLessons } from "../shared/tools/lesson/catalogue.ts";
import { Child, denoRun } from "../shared/tools/process/child.ts";
import { findEpoll, watchList } from "../lessons/15-async-await/watch_list.ts";
import { deno, ROOT, whyNoStrace } from "./processes.ts";

const { server } = serverLessons.find(({ number }) => number === "15")!;
const SCRIPT = new URL("../lessons/15-async-await/server.ts", import.meta.url);

Deno.test("15 async-await: findEpoll() finds the instance that watches a listener", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { epoll, watched } = findEpoll(port)!;
  assertEquals(watched.filter(({ wanted }) => wanted).length, 1);
  assertEquals(watched.map(({ fd }) => fd), watched.map(({ fd }) => fd).sort((a, b) => a - b));
  const [first, ...lines] = watchList(port);
  assertEquals(first, `descriptor ${epoll} of this process is an epoll instance, and watches`);
  assertEquals(lines.length, watched.length);
  const listeners = lines.filter((line) => line.endsWith(": the listener"));
  assertEquals(listeners.length, 1);
  assertMatch(listeners[0], / for EPOLLIN\|EPOLLOUT\|EPOLLRDHUP\|EPOLLET: /);
});

Deno.test("15 async-await: findEpoll() finds nothing for a port that no socket has", () => {
  assertEquals(findEpoll(1), undefined);
  assertEquals(watchList(1), ["no epoll instance of this process watches the listener"]);
});

Deno.test("15 async-await: accept() fails with ENOTCONN for a client that was reset", async () => {
  const { code, stdout, stderr } = await deno([
    ...["eval", "--quiet", "--ext=ts"],
    `
      import { close } from "file://${ROOT}shared/linux/descriptors.ts";
      import * as libc from "file://${ROOT}shared/linux/socket.ts";
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const client = libc.socket(libc.AF_INET, libc.SOCK_STREAM);
      libc.connect(client, { host: "127.0.0.1", port: listener.addr.port });
      libc.setsockopt(client, libc.SOL_SOCKET, libc.SO_LINGER, 1, 0);
      close(client); // which resets the connection
      await listener.accept().catch((error) => console.log(error.code));
    `,
  ]);
  assertEquals([code, stdout, stderr], [0, "ENOTCONN\n", ""]);
});

Deno.test("15 async-await: write() takes only a part of ten megabytes", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ port: listener.addr.port });
  using _server = await listener.accept(); // it does not read
  const written = await client.write(new Uint8Array(10_000_000));
  assert(written > 0 && written < 10_000_000, `${written} bytes`);
});

Deno.test("15 async-await: it reads the watch list before it listens", async () => {
  const { code, stdout } = await deno(["run", "-A", "shared/tools/lesson/main.ts", "15"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^server │ {3}descriptor \d+ for .*: the listener$/m);
  // Else they would be counted in some runs, and not in others.
  assert(!/^ {2}\w+ calls +\d/m.test(stdout), stdout);
});

/** The thread, the call and the result of lines such as `4711  recvfrom(24, …, 65536, …) = 5`. */
const CALL = /^(\d+) +(recvfrom|epoll_\w+)\(.* = (-?\d+)(?: |$)/;

Deno.test({
  name: `15 async-await: Deno takes a read that leaves room in the buffer for the last one${
    whyNoStrace && ` (skipped: ${whyNoStrace})`
  }`,
  ignore: whyNoStrace !== "",
  fn: async () => {
    const file = await Deno.makeTempFile();
    const trace = ["strace", "-f", "-o", file, "-e", "trace=recvfrom,/^epoll_p?wait"];
    const options = ["--port", "0", "--connections", "1"];
    await using child = new Child([...trace, ...denoRun(SCRIPT, server.permissions, options)]);
    const port = (await child.listening(30_000))!;
    {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      for (let i = 0; i < 5; i++) {
        for (const length of [5, 64 * 1024]) {
          await connection.write(new Uint8Array(length));
          const reply = new Uint8Array(length);
          for (let rest = length; rest > 0;) rest -= (await connection.read(reply))!;
        }
      }
    }
    await child.ended;
    const calls = (await Deno.readTextFile(file)).split("\n").flatMap((line) => {
      const [, thread, call, result] = CALL.exec(line) ?? [];
      return call === undefined ? [] : [{ thread, call, result: Number(result) }];
    });
    const { thread } = calls.find(({ call, result }) => call === "recvfrom" && result === 5)!;
    const own = calls.filter((call) => call.thread === thread);
    const pairs = own.slice(1).map((next, i) => ({ ...own[i], next }));
    const reads = pairs.filter(({ call, result }) => call === "recvfrom" && result > 0);
    const [full, short] = [true, false].map((is) =>
      reads.filter(({ result }) => (result === 64 * 1024) === is)
    );
    // A short one is followed by a wait, a full one by the next read.
    assert(short.length >= 5 && short.every(({ next }) => next.call !== "recvfrom"));
    assert(full.length > 0 && full.every(({ next }) => next.call === "recvfrom"));
    await Deno.remove(file);
  },
});
