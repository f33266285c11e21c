/** `shared/linux/descriptors.ts`, `memory.ts` and `time.ts`. */

import { assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import {
  close,
  getrlimit,
  raiseDescriptorLimit,
  RLIMIT_NOFILE,
  setrlimit,
} from "../shared/linux/descriptors.ts";
import { mapFile } from "../shared/linux/memory.ts";
import { clock_gettime, CLOCK_MONOTONIC, CLOCK_REALTIME } from "../shared/linux/time.ts";
import { openDescriptors, Pair } from "./sockets.ts";

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

Deno.test("what is written to a mapped file is in the file, and no descriptor stays open", () => {
  const path = Deno.makeTempFileSync();
  const before = openDescriptors();
  const bytes = new Uint8Array(mapFile(path, 8192));
  bytes[0] = 1;
  bytes[8191] = 2;
  const file = Deno.readFileSync(path);
  assertEquals([file.length, file[0], file[8191]], [8192, 1, 2]);
  // Whoever maps it again sees the same memory, and nothing is cleared.
  const again = new Uint8Array(mapFile(path, 8192));
  again[1] = 3;
  assertEquals([again[0], bytes[1]], [1, 3]);
  assertEquals(openDescriptors(), before);
  Deno.removeSync(path);
});

Deno.test("a file that cannot be mapped is an error with its path", () => {
  assertThrows(
    () => mapFile("/no/such/folder/file", 1),
    Error,
    "open(/no/such/folder/file): ENOENT",
  );
});

Deno.test("the clocks of the kernel and of the engine agree", () => {
  assertLess(Math.abs(clock_gettime(CLOCK_REALTIME) - Date.now()), 100);
  const [start, kernel] = [performance.now(), clock_gettime(CLOCK_MONOTONIC)];
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  const passed = clock_gettime(CLOCK_MONOTONIC) - kernel;
  assertGreater(passed, 19);
  assertLess(passed, performance.now() - start + 1);
});
