/**
 * Where temporary files have no place, a command says so in one line, and no script is ended by a
 * signal of the kernel (SIGBUS).
 */

import { assertEquals, assertMatch } from "@std/assert";
import type { Ended } from "../shared/tools/check/server.ts";
import { isolated } from "./namespaces.ts";
import { deno } from "./processes.ts";

const LESSON = ["run", "-A", "shared/tools/lesson/main.ts"];

/** What runs a script on a disk of its own, mounted with these options; or why there is none. */
type Disk = Awaited<ReturnType<typeof isolated>>;

function diskWith(options: string): Promise<Disk> {
  return isolated(
    "--mount",
    `export TMPDIR=$(mktemp -d) XDG_STATE_HOME=/dev/null &&
      trap 'umount $TMPDIR && rmdir $TMPDIR' EXIT && mount -t tmpfs -o ${options} small $TMPDIR`,
  );
}

type Outcome = Pick<Ended, "code" | "stderr">;

/** A test on a small disk; `run` runs Deno there, or a script that runs `"$@"`. */
function test(
  name: string,
  disk: Disk,
  fn: (run: (args: string[], script?: string) => Promise<Outcome>) => Promise<void>,
) {
  Deno.test({
    name: name + (typeof disk === "string" ? ` (skipped: ${disk})` : ""),
    ignore: typeof disk === "string",
    async fn() {
      if (typeof disk === "string") return;
      await fn(async (args, script = '"$@"') => {
        const { code, stderr } = await disk(script, Deno.execPath(), ...args);
        return { code, stderr };
      });
    },
  });
}

test("a lesson says in one line that TMPDIR is read-only", await diskWith("ro"), async (run) => {
  const { code, stderr } = await run([...LESSON, "01"]);
  assertMatch(
    stderr,
    /^no temporary file can be made in \/\S+: Read-only file system \(TMPDIR chooses .+\)\n$/,
  );
  assertEquals(code, 1);
});

Deno.test("a lesson says in one line that TMPDIR does not exist", async () => {
  for (const number of ["01", "16"]) {
    const env = { TMPDIR: "/no/such/folder" };
    assertEquals(await deno([...LESSON, number], env), {
      code: 1,
      stdout: "",
      stderr: "no temporary file can be made in /no/such/folder: No such file or directory " +
        "(TMPDIR chooses the folder)\n",
    });
  }
});

const FULL = /^the (server|program) ended with exit code 1 .*No space left on device\)\n$/;

// One page is too little for the counts or a program's trace, and 64 KiB for the counts and a
// server's trace.
for (const [size, number] of [["4k", "01"], ["64k", "03"], ["4k", "13"]]) {
  test(
    `lesson ${number} says in one line that a TMPDIR of ${size} is full`,
    await diskWith(`size=${size}`),
    async (run) => {
      const { code, stderr } = await run([...LESSON, number, "--pause", "400"]);
      assertMatch(stderr, FULL);
      assertEquals(code, 1);
    },
  );
}

test("deno task trace says that the disk is full", await diskWith("size=40k"), async (run) => {
  const trace = ["run", "-A", "shared/tools/trace/main.ts", "-o"];
  // With libc, and through Deno.
  for (const script of ["lessons/13-event-loop/main.ts", "lessons/12-sleep-scheduler/main.ts"]) {
    const fill = 'head -c 50k /dev/zero > "$TMPDIR/full" 2>/dev/null';
    const { code, stderr } = await run(trace, `${fill}; "$@" "$TMPDIR/trace" ${script}`);
    assertMatch(stderr, /^the recorder failed: .*No space left on device.*\n$/);
    assertEquals(code, 1);
  }
});
