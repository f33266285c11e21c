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
  const probe = new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", fileOf("contract_test.ts")],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => probe.kill("SIGKILL"), PATIENCE);
  const { success, signal } = await probe.status;
  clearTimeout(timer);

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
  const process = new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn();
  // Ctrl-C at a terminal reaches the child as well; this process stays until the child has ended.
  const listeners = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) =>
    [signal, () => process.kill(signal)] as const
  );
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  const { code } = await process.status;
  for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  return code;
}

function fileOf(name: string): string {
  return new URL(name, import.meta.url).pathname;
}
