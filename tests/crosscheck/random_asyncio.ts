/**
 * Runs the programs of random.ts with lesson 13: as JSON from stdin, with a tick in seconds; prints
 * what each of them printed. random_asyncio.py does the same with asyncio.
 */

import { run } from "../../lessons/13-event-loop/event_loop.ts";
import {
  type Awaitable,
  CancelledError,
  type Coroutine,
  Future,
} from "../../lessons/13-event-loop/futures.ts";
import {
  createTask,
  gather,
  sleep,
  type Task,
  TimeoutError,
  wait,
  waitFor,
} from "../../lessons/13-event-loop/tasks.ts";
import type { Program } from "./random.ts";
import { Return, Runner, type Try, ValueError } from "./runner.ts";

const SAFE = [[], [ValueError, TimeoutError], [ValueError, TimeoutError, CancelledError]];
const CAUGHT: Record<string, new () => Error> = { CancelledError, ValueError };

/** What an operation refers to, and its other arguments. */
interface Arguments extends Try<Arguments> {
  task?: number;
  future?: number;
  gather?: number;
  body?: number;
  ticks?: number;
  safe: 0 | 1 | 2;
  of: Arguments[];
  returnExceptions: boolean;
  returnWhen: "ALL_COMPLETED" | "FIRST_COMPLETED" | "FIRST_EXCEPTION";
  now: boolean;
}

class AsyncioRunner extends Runner<Arguments, Future<unknown> | undefined> {
  readonly #tasks = new Map<number, Task<unknown>>();
  readonly #gathers = new Map<number, Future<unknown>>();
  readonly #futures: Future<unknown>[];

  constructor(program: Program, tick: number) {
    super(program, tick, CAUGHT);
    this.#futures = Array.from({ length: program.flags }, () => new Future<unknown>());
  }

  #target({ task, future, gather }: Arguments): Future<unknown> | undefined {
    if (task !== undefined) return this.#tasks.get(task);
    return future !== undefined ? this.#futures[future] : this.#gathers.get(gather!);
  }

  *#outcome(o: Arguments, awaitable: Awaitable<unknown>): Coroutine {
    try {
      this.say(o, yield* awaitable as Coroutine<unknown>);
    } catch (error) {
      if (!SAFE[o.safe].some((kind) => error instanceof kind)) throw error;
      this.say(o, error);
    }
  }

  protected override *operate(o: Arguments): Coroutine {
    const target = this.#target(o);
    switch (o.op) {
      case "print":
        return this.say(o);
      case "nap":
        yield* sleep(0);
        return this.say(o);
      case "sleep":
        yield* sleep(this.milliseconds(o)!);
        return this.say(o);
      case "spawn":
        this.#tasks.set(o.task!, createTask(this.body(o.task!)));
        return this.say(o);
      case "await":
      case "awaitGather":
        if (target === undefined) return this.say(o, "missing");
        return yield* this.#outcome(o, target);
      case "cancel":
      case "cancelGather":
        return this.say(o, target === undefined ? "missing" : target.cancel());
      case "set":
      case "fail":
        if (target!.done()) return this.say(o, "done already");
        if (o.op === "set") target!.setResult(`set${o.id}`);
        else target!.setException(new ValueError());
        return this.say(o);
      case "gather":
        return yield* this.#gather(o);
      case "wait":
        return yield* this.#wait(o);
      case "waitFor": {
        const awaitable = o.body === undefined ? target : this.body(o.body);
        if (awaitable === undefined) return this.say(o, "missing");
        return yield* this.#outcome(o, waitFor(awaitable, this.milliseconds(o)!));
      }
      case "callback":
        if (target === undefined) return this.say(o, "missing");
        target.addDoneCallback((future) => this.say(o, "called", future.cancelled()));
        return this.say(o);
      case "state":
        return this.#state(o, target);
      case "raise":
        this.say(o);
        throw new ValueError();
      case "return":
        throw new Return();
      case "try":
        return yield* this.try(o);
      default:
        throw new Error(`what is ${o.op}?`);
    }
  }

  *#gather(o: Arguments): Coroutine {
    const bodies = new Map<number, Coroutine<unknown>>();
    const awaitables: Awaitable<unknown>[] = [];
    for (const one of o.of) {
      if (one.body !== undefined) {
        if (!bodies.has(one.body)) bodies.set(one.body, this.body(one.body));
        awaitables.push(bodies.get(one.body)!);
      } else if (this.#target(one) !== undefined) awaitables.push(this.#target(one)!);
    }
    const gathering = gather(awaitables, { returnExceptions: o.returnExceptions });
    this.#gathers.set(o.gather!, gathering as Future<unknown>);
    if (o.now) yield* this.#outcome(o, gathering as Future<unknown>);
    else this.say(o);
  }

  *#wait(o: Arguments): Coroutine {
    const targets = o.of.map((one) => this.#target(one)).filter((target) => target !== undefined);
    if (targets.length === 0) return this.say(o, "missing");
    const timeout = this.milliseconds(o);
    const { done, pending } = yield* wait(targets, { timeout, returnWhen: o.returnWhen });
    this.say(o, targets.map((target) => done.includes(target)), done.length, pending.length);
  }

  #state(o: Arguments, target: Future<unknown> | undefined): void {
    if (target === undefined) return this.say(o, "missing");
    this.say(o, target.done(), target.cancelled());
    if (target.done() && !target.cancelled()) this.say(o, target.exception() ?? target.result());
  }

  *run(): Coroutine<string[]> {
    this.#tasks.set(0, createTask(this.body(0)));
    const { ticks } = this.program;
    if (ticks !== undefined) yield* sleep((ticks + 2) * this.tick * 1000);
    else for (let i = 0; i < 60; i++) yield* sleep(0);
    // What is left waits for something that will not happen.
    this.lines.push("cancel all");
    for (let i = 0; i < 8; i++) {
      for (const target of [...this.#futures, ...this.#gathers.values(), ...this.#tasks.values()]) {
        if (!target.done()) target.cancel();
      }
      for (let i = 0; i < 12; i++) yield* sleep(0);
    }
    this.lines.push(`left ${[...this.#tasks.values()].filter((task) => !task.done()).length}`);
    return [...this.lines];
  }
}

function* main(programs: Program[], tick: number): Coroutine<string[][]> {
  const lines: string[][] = [];
  const timed: number[] = [];
  for (const [i, program] of programs.entries()) {
    if (program.ticks !== undefined) timed.push(i);
    else lines[i] = yield* new AsyncioRunner(program, tick).run();
  }
  const results = yield* gather(timed.map((i) => new AsyncioRunner(programs[i], tick).run()));
  results.forEach((result, i) => lines[timed[i]] = result);
  return lines;
}

console.error = () => {}; // which reports errors that no program has asked for
const [programs, tick] = await new Response(Deno.stdin.readable).json();
console.log(JSON.stringify(run(main(programs, tick))));
