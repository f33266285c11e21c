/**
 * Lesson 17 · What people say: C20, about `await`.
 *
 * Somebody else is queued to run next. Then a function is awaited that has nothing to wait for. Who
 * goes on first: somebody else, or the code behind the `await`? The same in Python; and in
 * JavaScript, do a thousand awaits let a timer have its turn?
 *
 * Run:  deno run --allow-run=python3 lessons/17-claims/c20-await.ts
 */

import { conclude } from "./verdict.ts";

let order = "";
queueMicrotask(() => order += "somebody else, ");
await nothing();
order += "behind the await";

let timer = "no turn";
setTimeout(() => timer = "a turn", 0);
const start = performance.now();
for (let i = 0; i < 1000 || performance.now() < start + 20; i++) await nothing();
const turn = timer;

const yields = order.startsWith("somebody");
const python = askPython();
const rows = [`JavaScript: ${order}`, `JavaScript: a timer had ${turn} within 20 ms of awaits`];
conclude(
  "C20",
  [...rows, `Python: ${python ?? "not measured, there is no python3"}`],
  !yields
    ? "false: the code behind the await went on first in JavaScript"
    : python?.startsWith("behind")
    ? "it depends on the language: in JavaScript always, in Python only if it has to wait"
    : "true: in JavaScript, to other promises",
);

async function nothing() {}

function askPython(): string | undefined {
  const code = `
import asyncio
order = []
async def nothing(): pass
async def main():
    asyncio.get_running_loop().call_soon(order.append, "somebody else")
    await nothing()
    order.append("behind the await")
    await asyncio.sleep(0)
asyncio.run(main())
print(", ".join(order))`;
  try {
    const { stdout } = new Deno.Command("python3", { args: ["-c", code] }).outputSync();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return undefined;
  }
}
