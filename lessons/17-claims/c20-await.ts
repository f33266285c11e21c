/**
 * Lesson 17 · What people say: C20, about `await`.
 *
 * A task is queued to run next. Then this code awaits a function that has nothing to wait for. What
 * runs first: the queued task, or the code after the `await`? The same in Python. And does a timer
 * get a turn in JavaScript during a thousand awaits?
 *
 * Run:  deno run --allow-run=python3 lessons/17-claims/c20-await.ts
 */

import { askPython } from "./python.ts";
import { conclude } from "./verdict.ts";

let order = "";
queueMicrotask(() => order += "the queued task, ");
await nothing();
order += "the code after await";

let timer = "no turn";
setTimeout(() => timer = "a turn", 0);
const start = performance.now();
for (let i = 0; i < 1000 || performance.now() < start + 20; i++) await nothing();
const turn = timer;

const yields = order.startsWith("the queued task");
const code = `
import asyncio
order = []
async def nothing(): pass
async def main():
    asyncio.get_running_loop().call_soon(order.append, "the queued task")
    await nothing()
    order.append("the code after await")
    await asyncio.sleep(0)
asyncio.run(main())
print(", ".join(order))`;
const python = askPython(code);
const rows = [`JavaScript: ${order}`, `JavaScript: a timer got ${turn} in 20 ms of awaits`];
conclude(
  "C20",
  [...rows, `Python: ${python ?? "not measured, there is no python3"}`],
  !yields
    ? "false: in JavaScript, the code after await ran first"
    : python?.startsWith("the code after")
    ? "it depends on the language: in JavaScript always, in Python only if it has to wait"
    : "true: in JavaScript it does, to other promises",
);

async function nothing() {}
