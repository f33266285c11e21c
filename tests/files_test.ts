/** `shared/tools/process/files.ts`, and every command that writes a file which a user has named. */

import { assert, assertEquals, assertLess, assertMatch, assertThrows } from "@std/assert";
import { deadline } from "@std/async";
import { NotWritable, requireWritable, writeUserFile } from "../shared/tools/process/files.ts";
import { isolated } from "./namespaces.ts";
import { whyNoCharts } from "./packages.ts";
import { deno } from "./processes.ts";

/** Something that is no regular file, in a folder of the test's own. */
interface Obstacle {
  /** What it is. */
  name: string;
  /** What is said of it. */
  says: RegExp;
  /** Why it cannot be made here; empty if it can. */
  missing?: string;
  /** Makes it at a path; it is there at least until what is returned is disposed of. */
  make(path: string): Disposable | void;
}

function run(program: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(program, { args, stdout: "null" }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** A device like /dev/null. Only root can make one. */
function makeDevice(path: string): void {
  run("mknod", path, "c", "1", "3");
}

const whyNoDevice = (() => {
  const folder = Deno.makeTempDirSync();
  try {
    makeDevice(`${folder}/device`);
    return "";
  } catch (error) {
    return (error as Error).message.trim().split(": ").at(-1)!;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
})();

const OBSTACLES: Obstacle[] = [
  { name: "a FIFO", says: /not a regular file/, make: (path) => run("mkfifo", path) },
  { name: "a folder", says: /a folder/, make: (path) => Deno.mkdirSync(path) },
  { name: "a link to nothing", says: /to nothing/, make: (path) => Deno.symlinkSync("none", path) },
  {
    name: "a device",
    says: /not a regular file/,
    missing: whyNoDevice,
    make: makeDevice,
  },
  {
    name: "a link to a device",
    says: /not a regular file/,
    missing: whyNoDevice,
    make(path) {
      makeDevice(`${path}-device`);
      Deno.symlinkSync(`${path}-device`, path);
    },
  },
  {
    name: "a socket",
    says: /not a regular file/,
    make: (path) => Deno.listen({ transport: "unix", path }),
  },
];

/** What is in a folder, as far as it can be seen without reading from a device. */
function contentsOf(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => {
    const { isFile, isDirectory, isSymlink, ino } = Deno.lstatSync(`${folder}/${name}`);
    const text = isFile ? Deno.readTextFileSync(`${folder}/${name}`) : "";
    return `${name} ${ino} ${isFile} ${isDirectory} ${isSymlink} ${text}`;
  }).sort();
}

/** A folder for a test, which is removed in the end. */
function temporaryFolder(): { path: string } & Disposable {
  const path = Deno.makeTempDirSync();
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

Deno.test("writeUserFile() writes a new file, and replaces a regular one as a whole", () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/file`;
  writeUserFile(path, "first");
  assertEquals(Deno.readTextFileSync(path), "first");
  Deno.chmodSync(path, 0o640);
  using reader = Deno.openSync(path);
  writeUserFile(path, "second");
  assertEquals(Deno.readTextFileSync(path), "second");
  assertEquals(Deno.statSync(path).mode! & 0o777, 0o640);
  // A reader that had opened it sees the old one, and not a part of the new one.
  const bytes = new Uint8Array(10);
  const length = reader.readSync(bytes)!;
  assertEquals(new TextDecoder().decode(bytes.subarray(0, length)), "first");
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("writeUserFile() follows a symbolic link, which stays", () => {
  using folder = temporaryFolder();
  Deno.mkdirSync(`${folder.path}/elsewhere`);
  Deno.writeTextFileSync(`${folder.path}/elsewhere/file`, "");
  Deno.symlinkSync("elsewhere/file", `${folder.path}/link`);
  writeUserFile(`${folder.path}/link`, "text");
  assertEquals(Deno.readLinkSync(`${folder.path}/link`), "elsewhere/file");
  assertEquals(Deno.readTextFileSync(`${folder.path}/elsewhere/file`), "text");
});

Deno.test("requireWritable() leaves nothing behind", () => {
  using folder = temporaryFolder();
  Deno.writeTextFileSync(`${folder.path}/there`, "");
  const before = contentsOf(folder.path);
  requireWritable(`${folder.path}/there`);
  requireWritable(`${folder.path}/new`);
  assertThrows(() => requireWritable(`${folder.path}/no/such/folder`), NotWritable, "No such file");
  assertEquals(contentsOf(folder.path), before);
});

for (const { name, make, says, missing } of OBSTACLES) {
  Deno.test({
    name: `writeUserFile() leaves ${name} alone${missing ? ` (skipped: ${missing})` : ""}`,
    ignore: Boolean(missing),
    fn() {
      using folder = temporaryFolder();
      const path = `${folder.path}/obstacle`;
      using _made = make(path) ?? undefined;
      const before = contentsOf(folder.path);
      for (const act of [requireWritable, (path: string) => writeUserFile(path, "text")]) {
        const { message } = assertThrows(() => act(path), NotWritable);
        assert(message.startsWith(`${path} cannot be written: `), message);
        assertMatch(message, says);
      }
      assertEquals(contentsOf(folder.path), before);
    },
  });
}

/** A disk of its own, with room for next to nothing. */
const disk = await isolated(
  "--mount",
  "DISK=$(mktemp -d) && mount -t tmpfs -o size=64k small $DISK && cd $DISK",
);

Deno.test({
  name: `writeUserFile() keeps the old file when the disk is full${
    typeof disk === "string" ? ` (skipped: ${disk})` : ""
  }`,
  ignore: typeof disk === "string",
  async fn() {
    if (typeof disk === "string") return;
    const script = `
      import { writeUserFile } from "${new URL(
      "../shared/tools/process/files.ts",
      import.meta.url,
    )}";
      writeUserFile("file", "old");
      try {
        writeUserFile("file", "new".repeat(100_000));
      } catch ({ message }) {
        console.log(message);
      }
      console.log(Deno.readTextFileSync("file"), [...Deno.readDirSync(".")].length);`;
    const { stdout, stderr } = await disk('exec "$@"', Deno.execPath(), "eval", "--quiet", script);
    assertEquals(stdout, "file cannot be written: No space left on device\nold 1\n", stderr);
  },
});

const LESSON = ["run", "-A", "shared/tools/lesson/main.ts"];
const MEASURE = [...LESSON, "16", "--only", "01", "--active", "1", "--idle", "none"];
const BRIEFLY = ["--sizes", "64", "--rounds", "1", "--time", "50"];

/** Every command that writes a file which a user has named. */
const COMMANDS: Record<string, (path: string) => string[]> = {
  "lesson:03 --svg": (path) => [...LESSON, "03", "--clients", "1", "--pause", "0", "--svg", path],
  "lesson:16 --json": (path) => [...MEASURE, ...BRIEFLY, "--json", path],
  "note --out": (path) => [
    ...["run", "-A", "shared/tools/note/main.ts", "11"],
    ...["--out", path.slice(0, path.lastIndexOf("/"))],
  ],
  "trace -o": (path) => [
    ...["run", "-A", "shared/tools/trace/main.ts"],
    ...["-o", path, "lessons/11-delegation/main.ts"],
  ],
};

for (const [command, argsFor] of Object.entries(COMMANDS)) {
  for (const { name, make, says, missing } of OBSTACLES) {
    Deno.test({
      name: `deno task ${command} leaves ${name} alone, and says so in one line${
        missing ? ` (skipped: ${missing})` : ""
      }`,
      ignore: Boolean(missing),
      async fn() {
        using folder = temporaryFolder();
        const path = `${folder.path}/11-delegation.md`;
        using _made = make(path) ?? undefined;
        const before = contentsOf(folder.path);
        // Opening a FIFO would never end.
        const { code, stdout, stderr } = await deadline(deno(argsFor(path)), 20_000);
        assert(code === 1 || code === 2, `exit code ${code}`);
        assertEquals(stdout, "");
        assertMatch(stderr, /^[^\n]+ cannot be written: [^\n]+\n$/);
        assertMatch(stderr, says);
        assertEquals(contentsOf(folder.path), before);
      },
    });
  }

  Deno.test(`deno task ${command} writes through a link, and replaces what it wrote`, async () => {
    using folder = temporaryFolder();
    const path = `${folder.path}/11-delegation.md`;
    Deno.writeTextFileSync(`${folder.path}/file`, "");
    Deno.symlinkSync("file", path);
    const sizes = [];
    for (let i = 0; i < 2; i++) {
      const { code, stderr } = await deno(argsFor(path));
      assertEquals(code, 0, stderr);
      sizes.push(Deno.readTextFileSync(`${folder.path}/file`).length);
    }
    assert(sizes.every((size) => size > 2), `${sizes} bytes`);
    // Another run may draw a timeline of another size.
    assertLess(sizes[1], 1.5 * sizes[0]);
    assertEquals(Deno.readLinkSync(path), "file");
  });
}

const whyNotDrawn = await whyNoCharts();

Deno.test({
  name: `deno task lesson:16 --svg refuses a FIFO before it measures${
    whyNotDrawn ? ` (skipped: ${whyNotDrawn})` : ""
  }`,
  ignore: whyNotDrawn !== undefined,
  async fn() {
    using folder = temporaryFolder();
    run("mkfifo", `${folder.path}/cpu.svg`);
    const before = contentsOf(folder.path);
    const { code, stderr } = await deno([...MEASURE, ...BRIEFLY, "--svg", folder.path]);
    assertEquals([code, stderr], [
      1,
      `${folder.path}/cpu.svg cannot be written: it is not a regular file\n`,
    ]);
    assertEquals(contentsOf(folder.path), before);
  },
});

Deno.test("what was there is still there when a lesson is refused, and nothing new", async () => {
  using folder = temporaryFolder();
  Deno.writeTextFileSync(`${folder.path}/empty`, "");
  Deno.symlinkSync("empty", `${folder.path}/link`);
  const before = contentsOf(folder.path);
  for (const name of ["empty", "link", "new"]) {
    const svg = ["--svg", `${folder.path}/${name}`];
    assertEquals((await deno([...LESSON, "03", "--clients", "0", ...svg])).code, 2);
    const json = ["--json", `${folder.path}/${name}`];
    assertEquals((await deno([...LESSON, "16", "--only", "nobody", ...json])).code, 2);
    assertEquals(contentsOf(folder.path), before);
  }
});
