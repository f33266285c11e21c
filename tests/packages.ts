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
  const { success, signal, code } = await run(
    ["cache", "--quiet", fileOf("contract_test.ts")],
    { stdout: "null", stderr: "null" },
    PATIENCE,
  );
  // Somebody wants this process to end, so no test is started any more.
  if (signal !== null && signal !== "SIGKILL") Deno.exit(code);

  if (success) {
    console.log("packages: @std, from JSR");
    return [];
  }
  const why = signal === null ? "JSR cannot be reached" : "JSR did not answer in time";
  console.log(`packages: the replacements in tests/offline, since ${why}`);
  return ["--import-map", fileOf("offline/import_map.json")];
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
