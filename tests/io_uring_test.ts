/** `shared/linux/io_uring.ts`: what lesson 09's server does not do, or not on this machine. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { unavailable } from "../shared/tools/check/subjects.ts";
import { ECANCELED, ENOBUFS, ENOENT, ETIME } from "../shared/linux/errno.ts";
import { IoUring } from "../shared/linux/io_uring.ts";
import { addressOfBuffer, mapAnonymous, munmap } from "../shared/linux/memory.ts";
import { send } from "../shared/linux/socket.ts";
import { outcomeOf, ROOT, whyNoStrace } from "./processes.ts";
import { openDescriptors, Pair } from "./sockets.ts";

const [RECV, CANCEL, LATER] = [1, 2, 3];
const reason = unavailable({ needsIoUring: true });

function test(name: string, fn: () => void) {
  const skipped = reason ? ` (skipped: ${reason})` : "";
  Deno.test({ name: name + skipped, ignore: reason !== undefined, fn });
}

/** Waits until so many operations are done, and returns what they were, and what came of them. */
function completions(ring: IoUring, count: number): [kind: number, result: number][] {
  const all: [number, number][] = [];
  while (all.length < count) {
    ring.submitAndWait(1);
    ring.handleCompletions((kind, _, result) => all.push([kind, result]));
  }
  return all;
}

test("an operation that waits can be cancelled, and one that does not exist can not", () => {
  using ring = new IoUring();
  using pair = new Pair();
  const memory = mapAnonymous(64);
  ring.recv(RECV, pair.server, addressOfBuffer(memory), 64);
  ring.cancel(CANCEL, RECV, pair.server);
  assertEquals(completions(ring, 1), [[RECV, -ECANCELED]]);
  ring.cancel(CANCEL, RECV, pair.server);
  assertEquals(completions(ring, 1), [[CANCEL, -ENOENT]]);
  munmap(memory);
});

test("a timeout completes after its time, and what was received before it", () => {
  using ring = new IoUring();
  using pair = new Pair();
  const memory = mapAnonymous(64);
  ring.timeout(LATER, 30);
  ring.recv(RECV, pair.server, addressOfBuffer(memory), 64);
  const start = performance.now();
  send(pair.client, new TextEncoder().encode("hello"));
  assertEquals(completions(ring, 2), [[RECV, 5], [LATER, -ETIME]]);
  assertEquals(performance.now() - start >= 29, true);
  assertEquals(new TextDecoder().decode(new Uint8Array(memory, 0, 5).slice()), "hello");
  munmap(memory);
});

test("more operations than the ring has entries are all done", () => {
  using ring = new IoUring();
  for (let i = 0; i < 5000; i++) ring.cancel(CANCEL, RECV, i); // there is nothing to cancel
  const done = completions(ring, 5000);
  assertEquals(done.every(([kind, result]) => kind === CANCEL && result === -ENOENT), true);
});

test("who finds no provided buffer is told, and finds one when it is given back", () => {
  using ring = new IoUring();
  using pair = new Pair();
  using buffers = ring.provideBuffers(64);
  ring.registerFiles(1024);
  ring.register(LATER, pair.server);
  send(pair.client, new Uint8Array(1));
  // 64 are provided at first. One after another takes one, and keeps it.
  const taken: number[] = [];
  for (let i = 0; i < 64; i++) {
    ring.recvProvided(RECV, pair.server);
    ring.submitAndWait(1);
    ring.handleCompletions((_kind, _fd, _result, flags) => taken.push(buffers.take(flags)));
    send(pair.client, new Uint8Array(1));
  }
  assertEquals(new Set(taken).size, 64);
  ring.recvProvided(RECV, pair.server);
  assertEquals(completions(ring, 1), [[RECV, -ENOBUFS]]);
  buffers.release(taken[5]);
  ring.recvProvided(RECV, pair.server);
  ring.submitAndWait(1);
  ring.handleCompletions((_kind, _fd, _result, flags) =>
    assertEquals(buffers.take(flags), taken[5])
  );
  assertEquals(buffers.supply(), true); // there are more where these came from
});

test("a ring leaves no descriptor open", () => {
  const before = openDescriptors();
  new IoUring()[Symbol.dispose]();
  assertEquals(openDescriptors(), before);
});

for (const [error, why] of [["EPERM", "forbidden"], ["ENOSYS", "not in this"], ["EINVAL", "old"]]) {
  Deno.test({
    name: `where io_uring_setup gives ${error}, lesson 09 says why in one line` +
      (whyNoStrace && ` (skipped: ${whyNoStrace})`),
    ignore: whyNoStrace !== "",
    async fn() {
      const args = [
        ...["-f", "-o", "/dev/null", "-e", "trace=io_uring_setup"],
        ...["-e", `inject=io_uring_setup:error=${error}`],
        ...[Deno.execPath(), "run", "--allow-ffi", "lessons/09-io-uring/server.ts", "--port", "0"],
      ];
      const { code, stdout, stderr } = await outcomeOf(
        new Deno.Command("strace", { args, cwd: ROOT, stdin: "null" }),
      );
      assertEquals([code, stdout], [1, ""]);
      assertMatch(stderr, /^io_uring is [^\n]+\n$/);
      assertStringIncludes(stderr, why);
    },
  });
}
