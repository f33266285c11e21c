/**
 * Lessons 13 and 14 beside what they rebuild: the same programs in Python have to print the same
 * lines in the same order. Some are written by hand, and the others are random.
 *
 * CROSSCHECK_SEED=7 makes other random programs, CROSSCHECK_PROGRAMS=3000 more of them.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { programs as asyncio } from "./crosscheck/as_asyncio.ts";
import { programs as gevent } from "./crosscheck/as_gevent.ts";
import {
  asyncioProgram,
  geventProgram,
  type Program,
  Random,
  type Timing,
} from "./crosscheck/random.ts";
import { outcomeOf, ROOT } from "./processes.ts";

const FOLDER = `${ROOT}tests/crosscheck/`;
const SEED = Number(Deno.env.get("CROSSCHECK_SEED") ?? 1);
const PROGRAMS = Number(Deno.env.get("CROSSCHECK_PROGRAMS") ?? 300);

/** How many programs are run at once: more would make each other's timers late. */
const TOGETHER = { untimed: 10_000, zero: 10_000, timed: 100 };
/** Seconds for a tick. What differs is run again with longer ones: it may have been late. */
const TICKS = { untimed: [0], zero: [0.002, 0.05, 0.5], timed: [0.02, 0.1, 0.5] };

/** The first Python that a statement succeeds with; undefined if none does. */
function pythonWith(statement: string): string | undefined {
  return ["python3", "/usr/bin/python3"].find((python) => {
    try {
      const args = ["-c", statement];
      return new Deno.Command(python, { args, stdout: "null", stderr: "null" }).outputSync()
        .success;
    } catch {
      return false; // there is no such program
    }
  });
}

/** Runs a script with all programs, and gives the lines that each of them prints. */
async function linesOf(program: string, args: string[]): Promise<Map<string, string[]>> {
  const command = new Deno.Command(program, { args, cwd: ROOT, stdin: "null" });
  const { code, stdout, stderr } = await outcomeOf(command);
  assertEquals(code, 0, stderr);
  return new Map(
    stdout.split(/^== /m).slice(1).map((part) => {
      const [name, ...lines] = part.trimEnd().split("\n");
      return [name, lines];
    }),
  );
}

/** Runs a script of random programs, and gives the lines that each of them prints. */
async function run(command: string[], programs: Program[], tick: number): Promise<string[][]> {
  const [program, ...args] = command;
  const child = new Deno.Command(program, {
    args,
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  await new Blob([JSON.stringify([programs, tick])]).stream().pipeTo(child.stdin);
  const { success, stdout, stderr } = await output;
  assertEquals(success, true, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Those programs whose lines differ, with the lines of both sides. */
async function differing(commands: string[][], programs: Program[], tick: number) {
  const [theirs, ours] = await Promise.all(
    commands.map((command) => run(command, programs, tick)),
  );
  assertEquals([theirs.length, ours.length], [programs.length, programs.length]);
  return programs.map((program, i) => ({ program, theirs: theirs[i], ours: ours[i] }))
    .filter(({ theirs, ours }) => JSON.stringify(theirs) !== JSON.stringify(ours));
}

for (
  const { lesson, module, version, programs, make, timings } of [
    {
      lesson: "13 event-loop",
      module: "asyncio",
      // In 3.12, wait_for and gather came to take fewer rounds.
      version: { name: "3.9 to 3.11", condition: "(3, 9) <= sys.version_info < (3, 12)" },
      programs: asyncio,
      make: asyncioProgram,
      timings: ["untimed", "timed"] as Timing[],
    },
    {
      lesson: "14 greenlets",
      module: "gevent",
      version: { name: "3 with gevent 22.10", condition: 'gevent.__version__.startswith("22.10")' },
      programs: gevent,
      make: geventProgram,
      timings: ["untimed", "zero", "timed"] as Timing[],
    },
  ]
) {
  const python = pythonWith(`import ${module}`);
  const reason = python === undefined ? ` (skipped: no Python 3 with ${module})` : "";
  // Each side runs once for all of its programs, when the first test asks for them.
  let both: Promise<Map<string, string[]>[]> | undefined;

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
        assertGreater(theirs.get(name)!.length, 1);
        assertEquals(ours.get(name), theirs.get(name));
      },
    });
  }

  const exact = pythonWith(`import sys, ${module}; assert ${version.condition}`);
  for (const timing of timings) {
    const count = timing === "untimed" ? PROGRAMS : Math.ceil(PROGRAMS / 5);
    const skipped = exact === undefined ? ` (skipped: no Python ${version.name})` : "";
    Deno.test({
      name: `${lesson}: ${count} random programs print the same lines as ${module}, ` +
        `${timing}, seed ${SEED}${skipped}`,
      ignore: exact === undefined,
      fn: async () => {
        const random = new Random(SEED);
        const commands = [
          [exact!, "-B", `${FOLDER}random_${module}.py`],
          [Deno.execPath(), "run", "--allow-ffi", `${FOLDER}random_${module}.ts`],
        ];
        for (let rest = count; rest > 0; rest -= TOGETHER[timing]) {
          let programs = Array.from({ length: Math.min(rest, TOGETHER[timing]) }, () => {
            return make(random, timing);
          });
          for (const tick of TICKS[timing]) {
            const differences = await differing(commands, programs, tick);
            programs = differences.map(({ program }) => program);
            if (programs.length === 0) break;
            if (tick !== TICKS[timing].at(-1)) continue;
            const { program, theirs, ours } = differences[0];
            assertEquals(ours, theirs, `${programs.length} programs: ${JSON.stringify(program)}`);
          }
        }
      },
    });
  }
}
