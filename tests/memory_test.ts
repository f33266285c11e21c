/** `shared/linux/memory.ts`: memory that is shared with others. */

import { assertEquals, assertThrows } from "@std/assert";
import { MAP_SHARED, mapFile, mmap, PROT_READ } from "../shared/linux/memory.ts";
import { openDescriptors } from "./sockets.ts";

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

Deno.test("another process sees what is written, and what it writes is seen here", async () => {
  const path = Deno.makeTempFileSync();
  const bytes = new Uint8Array(mapFile(path, 4096));
  bytes[0] = 7;
  const memory = new URL("../shared/linux/memory.ts", import.meta.url);
  const code = `
    import { mapFile } from "${memory}";
    const bytes = new Uint8Array(mapFile("${path}", 4096));
    bytes[1] = bytes[0] + 1;
    Deno.kill(Deno.pid, "SIGKILL");`;
  const url = `data:text/javascript,${encodeURIComponent(code)}`;
  const { signal } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", url] }).output();
  // It is not closed and not ended in good order, and the write is there nevertheless.
  assertEquals([signal, bytes[1]], ["SIGKILL", 8]);
  Deno.removeSync(path);
});

Deno.test("a descriptor that is not open cannot be mapped, and the error says so", () => {
  assertThrows(() => mmap(4096, PROT_READ, MAP_SHARED, -1), Deno.errors.BadResource, "mmap(-1)");
});
