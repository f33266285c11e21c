/** `shared/linux/memory.ts`: memory that is shared with other processes. */

import { assertEquals, assertThrows } from "@std/assert";
import { MAP_SHARED, mapFile, mmap, PROT_READ } from "../shared/linux/memory.ts";
import { openDescriptors } from "./sockets.ts";

Deno.test("mapFile() writes to the file, and leaves no descriptor open", () => {
  const path = Deno.makeTempFileSync();
  const before = openDescriptors();
  const bytes = new Uint8Array(mapFile(path, 8192));
  bytes[0] = 1;
  bytes[8191] = 2;
  const file = Deno.readFileSync(path);
  assertEquals([file.length, file[0], file[8191]], [8192, 1, 2]);
  // Another mapping shows the same memory, and clears nothing.
  const again = new Uint8Array(mapFile(path, 8192));
  again[1] = 3;
  assertEquals([again[0], bytes[1]], [1, 3]);
  assertEquals(openDescriptors(), before);
  Deno.removeSync(path);
});

Deno.test("mapFile() throws with the path of a file that cannot be mapped", () => {
  assertThrows(
    () => mapFile("/no/such/folder/file", 1),
    Error,
    "open(/no/such/folder/file): ENOENT",
  );
});

Deno.test("mapFile() shares memory with another process, in both directions", async () => {
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
  // The process was killed before it could close anything, and its write is there all the same.
  assertEquals([signal, bytes[1]], ["SIGKILL", 8]);
  Deno.removeSync(path);
});

Deno.test("mmap() throws BadResource for a descriptor that is not open", () => {
  assertThrows(() => mmap(4096, PROT_READ, MAP_SHARED, -1), Deno.errors.BadResource, "mmap(-1)");
});
