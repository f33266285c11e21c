/**
 * Lessons 13 and 14 beside what they rebuild: the same small programs in Python have to print the
 * same lines in the same order.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { programs as asyncio } from "./crosscheck/as_asyncio.ts";
import { programs as gevent } from "./crosscheck/as_gevent.ts";
import { outcomeOf, ROOT } from "./processes.ts";

const FOLDER = `${ROOT}tests/crosscheck/`;

/** The first Python that has a module; undefined if none does. */
function pythonWith(module: string): string | undefined {
  return ["python3", "/usr/bin/python3"].find((python) => {
    try {
      const args = ["-c", `import ${module}`];
      return new Deno.Command(python, { args, stdout: "null", stderr: "null" }).outputSync()
        .success;
    } catch {
      return false; // there is no such program
    }
  });
}

/** Runs a script with all programs, and gives what each of them prints. */
async function linesOf(program: string, args: string[]): Promise<Map<string, string>> {
  const command = new Deno.Command(program, { args, cwd: ROOT, stdin: "null" });
  const { code, stdout, stderr } = await outcomeOf(command);
  assertEquals(code, 0, stderr);
  return new Map(
    stdout.split(/^== /m).slice(1).map((part) => {
      const end = part.indexOf("\n");
      return [part.slice(0, end), part.slice(end + 1)];
    }),
  );
}

for (
  const [lesson, module, programs] of [
    ["13 event-loop", "asyncio", asyncio],
    ["14 greenlets", "gevent", gevent],
  ] as const
) {
  const python = pythonWith(module);
  const reason = python === undefined ? ` (skipped: no Python 3 with ${module})` : "";
  // Each side runs once for all of its programs, when the first test asks for them.
  let both: Promise<Map<string, string>[]> | undefined;

  for (const name of Object.keys(programs)) {
    Deno.test({
      name: `${lesson}: prints the same lines as ${module}: ${name.replaceAll("_", " ")}${reason}`,
      ignore: python === undefined,
      sanitizeOps: false, // what the first test has started serves them all
      fn: async () => {
        both ??= Promise.all([
          linesOf(python!, [`${FOLDER}with_${module}.py`]),
          linesOf(Deno.execPath(), ["run", "--allow-ffi", `${FOLDER}as_${module}.ts`]),
        ]);
        const [theirs, ours] = await both;
        assertEquals([...ours.keys()], [...theirs.keys()]);
        assertGreater(theirs.get(name)!.split("\n").length, 2);
        assertEquals(ours.get(name), theirs.get(name));
      },
    });
  }
}
