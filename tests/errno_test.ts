/** errno: read at the right moment, and turned into the right error. */

import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  AF_INET,
  listenTcp,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
  tryAccept4,
  tryRecv,
} from "../shared/linux/socket.ts";
import * as errors from "../shared/linux/errno.ts";
import { close } from "../shared/linux/descriptors.ts";
import { common } from "../shared/linux/libc.ts";
import { errnoName } from "../shared/linux/names.ts";
import { ANYWHERE } from "./sockets.ts";

const { EAGAIN, EBADF, EINVAL, ENOTCONN, orThrow, systemError } = errors;

Deno.test("errno is right after each of 1,000,000 failing calls between allocations", () => {
  const listener = listenTcp(ANYWHERE, SOCK_NONBLOCK);
  const unconnected = socket(AF_INET, SOCK_STREAM);
  const buffer = new Uint8Array(16);
  const wrong = new Map<string, number>();
  // What is kept makes the collector move things about, and what is dropped makes it run.
  const kept: unknown[] = [];
  for (let i = 0; i < 1_000_000; i++) {
    kept[i % 10_000] = { i, bytes: new Uint8Array(i % 500), text: `${i}` };
    let [result, expected] = [0, 0];
    if (i % 3 === 0) [result, expected] = [tryAccept4(listener), -EAGAIN];
    else if (i % 3 === 1) [result, expected] = [tryRecv(-1, buffer), -EBADF];
    else [result, expected] = [tryRecv(unconnected, buffer), -ENOTCONN];
    if (result !== expected) {
      const what = `${result} instead of ${expected}`;
      wrong.set(what, (wrong.get(what) ?? 0) + 1);
    }
  }
  close(listener);
  close(unconnected);
  assertEquals([...wrong], []);
});

Deno.test("each thread has an errno of its own", async () => {
  const code = `
    import { tryRecv } from "${new URL("../shared/linux/socket.ts", import.meta.url)}";
    const results = new Set();
    for (let i = 0; i < 100_000; i++) results.add(tryRecv(-1, new Uint8Array(1)));
    self.postMessage([...results]);`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(code)}`, { type: "module" });
  const answer = new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  const listener = listenTcp(ANYWHERE, SOCK_NONBLOCK);
  const here = new Set<number>();
  // Both threads fail at the same time, in different ways.
  for (let i = 0; i < 300_000; i++) here.add(tryAccept4(listener));
  close(listener);
  assertEquals(await answer, [-EBADF]);
  assertEquals([...here], [-EAGAIN]);
  worker.terminate();
});

Deno.test("an error says what failed, on what, and why", () => {
  const error = systemError("bind", errors.EADDRINUSE, 3);
  assertInstanceOf(error, Deno.errors.AddrInUse);
  assertEquals(error.message, "bind(3): EADDRINUSE (Address already in use)");
  assertEquals([error.code, error.errno, error.syscall], ["EADDRINUSE", 98, "bind"]);
});

Deno.test("an error for which Deno has no class is an Error with the same fields", () => {
  const error = systemError("setsockopt", EINVAL, 4);
  assertEquals(error.constructor, Error);
  assertEquals(error.message, "setsockopt(4): EINVAL (Invalid argument)");
  assertEquals([error.code, error.errno, error.syscall], ["EINVAL", 22, "setsockopt"]);
});

const classes: [number: number, ErrorClass: new (message: string) => Error][] = [
  [errors.EPERM, Deno.errors.PermissionDenied],
  [errors.EINTR, Deno.errors.Interrupted],
  [errors.EBADF, Deno.errors.BadResource],
  [errors.EAGAIN, Deno.errors.WouldBlock],
  [errors.EACCES, Deno.errors.PermissionDenied],
  [errors.EPIPE, Deno.errors.BrokenPipe],
  [errors.EADDRINUSE, Deno.errors.AddrInUse],
  [errors.EADDRNOTAVAIL, Deno.errors.AddrNotAvailable],
  [errors.ECONNABORTED, Deno.errors.ConnectionAborted],
  [errors.ECONNRESET, Deno.errors.ConnectionReset],
  [errors.ENOTCONN, Deno.errors.NotConnected],
  [errors.ETIMEDOUT, Deno.errors.TimedOut],
  [errors.ECONNREFUSED, Deno.errors.ConnectionRefused],
  [errors.EMFILE, Error],
];

for (const [number, ErrorClass] of classes) {
  Deno.test(`${errnoName(number)} is a ${ErrorClass.name}, with the C library's words`, () => {
    const error = systemError("call", number, 7);
    const words = new Deno.UnsafePointerView(common.strerror(number)!).getCString();
    // Not assertInstanceOf: a class that inherits from the right one would pass.
    assertEquals(error.constructor, ErrorClass);
    const message = `call(7): ${errnoName(number)} (${words})`;
    assertEquals([error.message, error.errno, error.syscall], [message, number, "call"]);
  });
}

Deno.test("a call that is about nothing in particular has empty brackets", () => {
  const { message } = systemError("socket", errors.EMFILE);
  assertEquals(message, "socket(): EMFILE (Too many open files)");
});

Deno.test("an error number without a name is given as a number", () => {
  assertEquals(systemError("recv", 4095).code, "errno 4095");
});

Deno.test("every error number that is exported has its own name", () => {
  for (const [name, number] of Object.entries(errors)) {
    if (/^E[A-Z]+$/.test(name)) assertEquals(errnoName(number as number), name);
  }
});

Deno.test("orThrow returns what is not an error", () => {
  assertEquals(orThrow("recv", 0), 0);
  assertEquals(orThrow("recv", 5), 5);
});
