/** `shared/linux/descriptors.ts` and `time.ts`, and that no descriptor goes astray. */

import { assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import {
  close,
  F_GETFD,
  fcntl,
  FD_CLOEXEC,
  getrlimit,
  raiseDescriptorLimit,
  RLIMIT_NOFILE,
  setrlimit,
} from "../shared/linux/descriptors.ts";
import { epoll_create1 } from "../shared/linux/epoll.ts";
import { EINVAL, type SystemError } from "../shared/linux/errno.ts";
import { mapFile } from "../shared/linux/memory.ts";
import {
  AF_INET,
  getsockname,
  listenTcp,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socket,
} from "../shared/linux/socket.ts";
import { clock_gettime, CLOCK_MONOTONIC, CLOCK_REALTIME } from "../shared/linux/time.ts";
import { ANYWHERE, openDescriptors, Pair } from "./sockets.ts";

Deno.test("closing a descriptor twice gives BadResource", () => {
  const pair = new Pair();
  close(pair.client);
  assertThrows(() => close(pair.client), Deno.errors.BadResource, "close(");
  close(pair.server);
});

Deno.test("the descriptor limit can be lowered, and raised to the hard limit", () => {
  const { soft, hard } = getrlimit(RLIMIT_NOFILE);
  setrlimit(RLIMIT_NOFILE, { soft: 200, hard });
  assertEquals(getrlimit(RLIMIT_NOFILE), { soft: 200, hard });
  assertEquals(raiseDescriptorLimit(), hard);
  assertEquals(getrlimit(RLIMIT_NOFILE), { soft: hard, hard });
  setrlimit(RLIMIT_NOFILE, { soft, hard });
});

Deno.test("the soft limit cannot be above the hard one", () => {
  const { soft, hard } = getrlimit(RLIMIT_NOFILE);
  const error = assertThrows(
    () => setrlimit(RLIMIT_NOFILE, { soft: hard, hard: hard - 1 }),
    Error,
    "setrlimit(7): EINVAL",
  );
  assertEquals((error as unknown as SystemError).errno, EINVAL);
  assertEquals(getrlimit(RLIMIT_NOFILE), { soft, hard });
});

Deno.test("limits are those in /proc/self/limits, where no limit at all is Infinity", () => {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  const resources: [resource: number, name: string][] = [
    [RLIMIT_NOFILE, "open files"],
    [1, "file size"], // RLIMIT_FSIZE, which is unlimited on most machines
  ];
  for (const [resource, name] of resources) {
    const [, ...words] = new RegExp(`^Max ${name} +(\\w+) +(\\w+)`, "m").exec(limits)!;
    const [soft, hard] = words.map((word) => word === "unlimited" ? Infinity : Number(word));
    assertEquals(getrlimit(resource), { soft, hard }, name);
    setrlimit(resource, { soft, hard }); // and the same way back
    assertEquals(Deno.readTextFileSync("/proc/self/limits"), limits);
  }
});

Deno.test("a program that is started inherits none of the descriptors that we make", async () => {
  async function inherited(): Promise<number> {
    const { stdout } = await new Deno.Command("ls", { args: ["/proc/self/fd"] }).output();
    return new TextDecoder().decode(stdout).trim().split("\n").length;
  }
  const before = await inherited();
  const path = Deno.makeTempFileSync();
  const descriptors = [listenTcp(ANYWHERE), listenTcp(ANYWHERE, SOCK_NONBLOCK), epoll_create1()];
  using pair = new Pair();
  mapFile(path, 4096);
  for (const fd of [...descriptors, pair.server]) assertEquals(fcntl(fd, F_GETFD), FD_CLOEXEC);
  assertEquals(await inherited(), before);
  // This is what it would look like otherwise.
  const careless = socket(AF_INET, SOCK_STREAM);
  assertEquals(await inherited(), before + 1);
  for (const fd of [...descriptors, careless]) close(fd);
  Deno.removeSync(path);
});

Deno.test("what fails leaves no descriptor open", () => {
  const taken = listenTcp(ANYWHERE);
  const before = openDescriptors();
  for (let i = 0; i < 20; i++) {
    assertThrows(() => listenTcp(getsockname(taken)), Deno.errors.AddrInUse);
    assertThrows(() => listenTcp({ host: "192.0.2.1", port: 0 }), Deno.errors.AddrNotAvailable);
    assertThrows(() => listenTcp({ host: "localhost", port: 0 }), TypeError);
    assertThrows(() => listenTcp({ host: "127.0.0.1", port: NaN }), RangeError);
  }
  assertEquals(openDescriptors(), before);
  close(taken);
});

Deno.test("the clocks of the kernel and of the engine agree", () => {
  assertLess(Math.abs(clock_gettime(CLOCK_REALTIME) - Date.now()), 100);
  const [start, kernel] = [performance.now(), clock_gettime(CLOCK_MONOTONIC)];
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  const passed = clock_gettime(CLOCK_MONOTONIC) - kernel;
  assertGreater(passed, 19);
  assertLess(passed, performance.now() - start + 1);
});
