/** `shared/linux/io_uring/`: what lesson 09's servers do not do, or not on this machine. */

import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { visit } from "../shared/tools/check/clients.ts";
import { Server } from "../shared/tools/check/server.ts";
import { subjects, unavailable } from "../shared/tools/check/subjects.ts";
import { close } from "../shared/linux/descriptors.ts";
import { EAGAIN, EBADF, EINTR, ENOBUFS, ETIME } from "../shared/linux/errno.ts";
import { MOST_BUFFERS, ProvidedBuffers } from "../shared/linux/io_uring/buffers.ts";
import {
  IORING_OP_ACCEPT,
  IORING_OP_RECV,
  IORING_OP_SEND,
  IORING_OP_TIMEOUT,
} from "../shared/linux/io_uring/io_uring.ts";
import { IoUring } from "../shared/linux/io_uring/ring.ts";
import { common, memory as mapping, rings } from "../shared/linux/libc.ts";
import { MappedMemory } from "../shared/linux/memory.ts";
import {
  AF_INET,
  connect,
  getsockname,
  listenTcp,
  MSG_DONTWAIT,
  send,
  setsockopt,
  SO_RCVBUF,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  tryRecv,
  trySend,
} from "../shared/linux/socket.ts";
import { outcomeOf, ROOT, whyNoStrace } from "./processes.ts";
import { ANYWHERE, openDescriptors, Pair } from "./sockets.ts";

const reason = unavailable({ needsIoUring: true });

function test(name: string, fn: () => void | Promise<void>) {
  const skipped = reason ? ` (skipped: ${reason})` : "";
  Deno.test({ name: name + skipped, ignore: reason !== undefined, fn });
}

interface Completion {
  op: number;
  fd: number;
  result: number;
  flags: number;
}

/** Waits until so many operations are done, and returns their completions. */
function completions(ring: IoUring, count: number): Completion[] {
  const all: Completion[] = [];
  while (all.length < count) {
    ring.submitAndWait(1);
    ring.forEachCompletion((op, fd, result, flags) => all.push({ op, fd, result, flags }));
  }
  return all;
}

/** Puts a function in the place of a C function until the test ends. */
function replace<Family, Name extends keyof Family>(
  family: Family,
  name: Name,
  by: (original: Family[Name]) => Family[Name],
) {
  const original = family[name];
  family[name] = by(original);
  return {
    [Symbol.dispose]() {
      family[name] = original;
    },
  };
}

/** What a failed call leaves: the error number in errno. */
function fail(number: number): -1 {
  const location = Deno.UnsafePointerView.getArrayBuffer(common.__errno_location()!, 4);
  new Int32Array(location)[0] = number;
  return -1;
}

/** How many pieces of rings this process has mapped. */
function mappings(): number {
  const lines = Deno.readTextFileSync("/proc/self/maps").split("\n");
  return lines.filter((line) => line.includes("anon_inode:[io_uring]")).length;
}

test("IoUring accepts, receives and sends, and reports the operation and its descriptor", () => {
  using ring = new IoUring();
  using memory = new MappedMemory(64);
  const listener = listenTcp(ANYWHERE);
  const client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC);
  ring.accept(listener);
  connect(client, getsockname(listener));
  const [{ op, fd, result: connection }] = completions(ring, 1);
  assertEquals([op, fd], [IORING_OP_ACCEPT, listener]);
  ring.recv(connection, memory);
  send(client, new TextEncoder().encode("hello"));
  assertEquals(completions(ring, 1), [{ op: IORING_OP_RECV, fd: connection, result: 5, flags: 0 }]);
  assertEquals(new TextDecoder().decode(memory.bytes.slice(0, 5)), "hello");
  ring.send(connection, memory, 4);
  assertEquals(completions(ring, 1), [{ op: IORING_OP_SEND, fd: connection, result: 4, flags: 0 }]);
  const received = new Uint8Array(64);
  assertEquals(tryRecv(client, received), 4);
  assertEquals(new TextDecoder().decode(received.subarray(0, 4)), "hell");
  for (const descriptor of [connection, client, listener]) close(descriptor);
});

test("IoUring.timeout() completes after its time, and what was received before it", () => {
  using ring = new IoUring();
  using pair = new Pair();
  using memory = new MappedMemory(64);
  ring.timeout(30);
  ring.recv(pair.server, memory);
  const start = performance.now();
  send(pair.client, new Uint8Array(5));
  assertEquals(completions(ring, 2).map(({ op, result }) => [op, result]), [
    [IORING_OP_RECV, 5],
    [IORING_OP_TIMEOUT, -ETIME],
  ]);
  assert(performance.now() - start >= 29);
});

test("IoUring takes more operations than the ring has entries", () => {
  using ring = new IoUring();
  using memory = new MappedMemory(64);
  for (let i = 0; i < 5000; i++) ring.recv(1_000_000 + i, memory); // none of them is open
  const done = completions(ring, 5000);
  assertEquals(new Set(done.map(({ fd }) => fd)).size, 5000);
  assert(done.every(({ result }) => result === -EBADF));
});

test("IoUring loses no operation when io_uring_enter is interrupted while the ring is full", () => {
  using ring = new IoUring();
  using memory = new MappedMemory(64);
  let calls = 0;
  using _ = replace(rings, "io_uring_enter", (enter) => (...args) => {
    calls++;
    return calls % 3 === 0 ? enter(...args) : fail(EINTR);
  });
  for (let i = 0; i < 1000; i++) ring.recv(1_000_000 + i, memory);
  assertEquals(new Set(completions(ring, 1000).map(({ fd }) => fd)).size, 1000);
  assert(calls > 9, `${calls} calls`); // it was full three times, and each time took three calls
});

test("ProvidedBuffers.recv() fails with ENOBUFS while all buffers are in use", () => {
  using ring = new IoUring();
  using pair = new Pair();
  const buffers = new ProvidedBuffers(ring, 64);
  function receive() {
    buffers.recv(pair.server);
    const [{ result, flags }] = completions(ring, 1);
    return { result, buffer: buffers.take(flags) };
  }
  send(pair.client, new TextEncoder().encode("hello"));
  assertEquals(receive(), { result: -ENOBUFS, buffer: undefined });
  buffers.add();
  const { result, buffer } = receive();
  assertEquals(result, 5);
  assertEquals(new TextDecoder().decode(buffer!.bytes.slice(0, 5)), "hello");

  send(pair.client, new TextEncoder().encode("again"));
  assertEquals(receive().result, -ENOBUFS);
  buffers.release(buffer!);
  assertEquals(receive(), { result: 5, buffer }); // the same buffer again
});

test("ProvidedBuffers.take() takes nothing where the kernel has used no buffer", () => {
  using ring = new IoUring();
  using pair = new Pair();
  const buffers = new ProvidedBuffers(ring, 64);
  buffers.add();
  buffers.recv(pair.server);
  pair.close(pair.client);
  const [{ result, flags }] = completions(ring, 1);
  assertEquals([result, buffers.take(flags)], [0, undefined]);
});

test("ProvidedBuffers.add() refuses more buffers than a ring can have", () => {
  using ring = new IoUring();
  const buffers = new ProvidedBuffers(ring, 64);
  for (let i = 0; i < MOST_BUFFERS; i++) buffers.add();
  assertThrows(() => buffers.add(), RangeError, `there are ${MOST_BUFFERS} buffers already`);
});

test("IoUring ends the rings before it releases any memory", () => {
  const calls: string[] = [];
  using pair = new Pair();
  using memory = new MappedMemory(64);
  const ring = new IoUring();
  new ProvidedBuffers(ring, 64).add();
  ring.recv(pair.server, memory);
  ring.submitAndWait(0);
  {
    using _close = replace(common, "close", (close) => (...args) => {
      calls.push("close");
      return close(...args);
    });
    using _munmap = replace(mapping, "munmap", (munmap) => (...args) => {
      calls.push("munmap");
      return munmap(...args);
    });
    ring[Symbol.dispose]();
  }
  // The buffer, the ring of buffers, the time, the entries, and the rings.
  assertEquals(calls, ["close", "munmap", "munmap", "munmap", "munmap", "munmap"]);
  ring[Symbol.dispose](); // does nothing more
  // What arrives now is not received any more: it stays in the socket.
  send(pair.client, new TextEncoder().encode("hello"));
  assertEquals(tryRecv(pair.server, new Uint8Array(64)), 5);
  assertEquals(memory.bytes[0], 0);
});

test("IoUring leaves no descriptor open and nothing mapped", () => {
  const before = [openDescriptors(), mappings()];
  new IoUring()[Symbol.dispose]();
  assertEquals([openDescriptors(), mappings()], before);
});

for (let failing = 1; failing <= 3; failing++) {
  test(`IoUring leaves nothing behind when mmap number ${failing} fails`, () => {
    const before = [openDescriptors(), mappings()];
    let calls = 0;
    {
      const MAP_FAILED = Deno.UnsafePointer.create(2n ** 64n - 1n);
      using _ = replace(mapping, "mmap", (mmap) => (...args) => {
        calls++;
        if (calls < failing) return mmap(...args);
        fail(ENOBUFS);
        return MAP_FAILED;
      });
      assertThrows(() => new IoUring(), Error, "mmap(");
    }
    assertEquals(calls, failing);
    assertEquals([openDescriptors(), mappings()], before);
  });
}

// Each of them fills its socket, so that the server cannot reuse its memory.
const GREEDY = 80;

for (const subject of subjects.filter(({ needsIoUring }) => needsIoUring)) {
  test(`${subject.name} serves others while ${GREEDY} clients do not read`, async () => {
    await using server = await Server.start(subject);
    const before = server.peakMemory;
    const greedy = Array.from({ length: GREEDY }, () => {
      const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC);
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, 4096);
      connect(fd, server);
      return fd;
    });
    try {
      const piece = new Uint8Array(256 * 1024);
      for (let idle = 0; idle < 5;) {
        const sent = greedy.map((fd) => trySend(fd, piece, piece.length, MSG_DONTWAIT));
        idle = sent.every((length) => length === -EAGAIN) ? idle + 1 : 0;
        await visit(server);
      }
      assertLess(server.peakMemory - before, GREEDY * 256 / 1024);
    } finally {
      for (const fd of greedy) close(fd);
    }
    await visit(server);
  });
}

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
