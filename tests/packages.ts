/**
 * Which packages the tests run on: the real `@std`, or where JSR cannot be reached, the
 * replacements in `tests/offline/`.
 *
 * @module
 */

/** How long JSR may take to answer, in milliseconds. A network may swallow packets for ever. */
const PATIENCE = 5_000;

/**
 * Looks once whether the packages can be had, from JSR or from Deno's cache, and says in one line
 * which ones it will be.
 *
 * @returns The options of `deno test` and `deno check` that choose them.
 */
export async function packageOptions(): Promise<string[]> {
  // The contract test imports everything from them that any test uses.
  const reason = await whyMissing("JSR", fileOf("contract_test.ts"), PATIENCE);
  if (reason === undefined) {
    console.log("packages: @std, from JSR");
    return [];
  }
  console.log(`packages: the replacements in tests/offline, since ${reason}`);
  return ["--import-map", fileOf("offline/import_map.json")];
}

/**
 * Why the packages that a module imports cannot be had, neither from a registry nor from Deno's
 * cache; undefined if they can.
 *
 * @param patience How long the registry may take, in milliseconds.
 */
export async function whyMissing(
  registry: string,
  module: string,
  patience: number,
): Promise<string | undefined> {
  const { success, signal, code } = await run(
    ["cache", "--quiet", module],
    { stdout: "null", stderr: "null" },
    patience,
  );
  // Somebody wants this process to end, so nothing is started any more.
  if (signal !== null && signal !== "SIGKILL") Deno.exit(code);
  if (success) return undefined;
  return signal === null ? `${registry} cannot be reached` : `${registry} did not answer in time`;
}

/** Why the tool in `shared/tools/note/` lacks the TypeScript compiler; undefined if it does not. */
export function whyNoCompiler(): Promise<string | undefined> {
  // It is some megabytes, which are fetched once.
  return whyMissing("npm", fileOf("../shared/tools/note/syntax.ts"), 30_000);
}

/** Why lesson 16 lacks what draws its charts; undefined if it does not. */
export function whyNoCharts(): Promise<string | undefined> {
  return whyMissing("npm", fileOf("../lessons/16-comparison/charts.ts"), 60_000);
}

/** Runs Deno with this process's terminal, and returns its exit code. */
export async function deno(...args: string[]): Promise<number> {
  return (await run(args)).code;
}

/** Runs Deno, and hands on the signals that this process gets; kills it after `patience` ms. */
async function run(
  args: string[],
  output: Pick<Deno.CommandOptions, "stdout" | "stderr"> = {},
  patience?: number,
): Promise<Deno.CommandStatus> {
  // Ctrl-C at a terminal reaches the child as well; this process stays until the child has ended.
  // It listens before there is a child, or a signal just then would leave one behind.
  const listeners = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) =>
    [signal, () => child.kill(signal)] as const
  );
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "null", ...output }).spawn();
  const timer = patience && setTimeout(() => child.kill("SIGKILL"), patience);
  const status = await child.status;
  clearTimeout(timer);
  for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  return status;
}

function fileOf(name: string): string {
  // Not the URL's pathname, in which a space of the checkout's path is written %20.
  return `${import.meta.dirname}/${name}`;
}
