/**
 * Runs the programs of random.ts with lesson 14: as JSON from stdin, with a tick in seconds; prints
 * what each of them printed. random_gevent.py does the same with gevent.
 */

import { Event } from "../../lessons/14-greenlets/event.ts";
import {
  Greenlet,
  GreenletExit,
  joinAll,
  killAll,
  runMain,
  spawn,
  spawnLater,
} from "../../lessons/14-greenlets/greenlet.ts";
import { type Coroutine, sleep } from "../../lessons/14-greenlets/hub.ts";
import { Pool } from "../../lessons/14-greenlets/pool.ts";
import { Empty, Full, Queue } from "../../lessons/14-greenlets/queue.ts";
import { Timeout } from "../../lessons/14-greenlets/timeout.ts";
import type { Program } from "./random.ts";
import { Return, Runner, text, type Try, ValueError } from "./runner.ts";

const CAUGHT: Record<string, new () => Error> = { GreenletExit, ValueError };

/** What an operation refers to, and its other arguments. */
interface Arguments extends Try<Arguments> {
  greenlet: number;
  greenlets: number[];
  link: number;
  other: number;
  event: number;
  queue: number;
  pool: number;
  ticks?: number;
  block: boolean;
  error: boolean;
  safe: number;
  mine: boolean;
  set?: number;
  clear?: number;
  kill?: number;
  unlink?: number;
  relink?: number;
}

type Link = (greenlet: Greenlet) => void;

class GeventRunner extends Runner<Arguments, void> {
  readonly #greenlets = new Map<number, Greenlet>();
  readonly #links = new Map<number, Link>();
  readonly #events: Event[];
  readonly #queues: Queue<string>[];
  readonly #pools: Pool[];

  constructor(program: Program, tick: number) {
    super(program, tick, CAUGHT);
    this.#events = Array.from({ length: program.flags }, () => new Event());
    this.#queues = program.queues.map((size) => new Queue(size));
    this.#pools = program.pools.map((size) => new Pool(size));
  }

  #names(greenlets: Greenlet[]): number[] {
    const numbers = new Map([...this.#greenlets].map(([number, greenlet]) => [greenlet, number]));
    return greenlets.map((greenlet) => numbers.get(greenlet)!);
  }

  protected override *operate(o: Arguments): Coroutine {
    const number = o.greenlet;
    const run = () => this.body(number);
    const milliseconds = this.milliseconds(o);
    switch (o.op) {
      case "print":
        return this.say(o);
      case "nap":
        yield* sleep(0);
        return this.say(o);
      case "sleep":
        yield* sleep(milliseconds);
        return this.say(o);
      case "spawn":
        this.#greenlets.set(number, spawn(run) as Greenlet);
        return this.say(o);
      case "spawnLater":
        this.#greenlets.set(number, spawnLater(milliseconds!, run) as Greenlet);
        return this.say(o);
      case "create":
        this.#greenlets.set(number, new Greenlet(run) as Greenlet);
        return this.say(o);
      case "poolSpawn": {
        const pool = this.#pools[o.pool];
        this.#greenlets.set(number, (yield* pool.spawn(run)) as Greenlet);
        return this.say(o, pool.length, pool.freeCount());
      }
      case "poolJoin":
        return this.say(o, yield* this.#pools[o.pool].join(milliseconds));
      case "poolKill": {
        const killed = this.#pools[o.pool].kill(milliseconds);
        if (o.block) yield* killed;
        return this.say(o);
      }
      case "killAll":
        return yield* this.#killAll(o);
      case "joinAll":
        return this.say(o, this.#names(yield* joinAll(this.#some(o), milliseconds)));
      case "set":
        this.#events[o.event].set();
        return this.say(o);
      case "clear":
        this.#events[o.event].clear();
        return this.say(o);
      case "wait":
        return this.say(o, yield* this.#events[o.event].wait(milliseconds));
      case "put":
      case "take":
      case "putNowait":
      case "takeNowait":
        return yield* this.#queue(o, this.#queues[o.queue]);
      case "raise":
        this.say(o);
        throw new ValueError();
      case "return":
        throw new Return();
      case "timeout":
        return yield* this.#timeout(o);
      case "try":
        return yield* this.try(o);
      default: {
        const greenlet = this.#greenlets.get(number);
        if (greenlet === undefined) return this.say(o, "missing");
        return yield* this.#operateOn(greenlet, o);
      }
    }
  }

  *#operateOn(greenlet: Greenlet, o: Arguments): Coroutine {
    const milliseconds = this.milliseconds(o);
    switch (o.op) {
      case "start":
        greenlet.start();
        return this.say(o);
      case "join":
        yield* greenlet.join(milliseconds);
        return this.say(o, greenlet.ready());
      case "get":
        try {
          this.say(o, yield* greenlet.get(milliseconds));
        } catch (error) {
          if (!o.safe || !(error instanceof ValueError || error instanceof Timeout)) throw error;
          this.say(o, error);
        }
        return;
      case "kill": {
        const killed = greenlet.kill(o.error ? new ValueError() : undefined, milliseconds);
        if (o.block) yield* killed;
        return this.say(o, greenlet.ready());
      }
      case "link":
        this.#links.set(o.link, this.#link(o));
        greenlet.rawlink(this.#links.get(o.link)!);
        return this.say(o);
      case "linkAgain":
        if (this.#links.has(o.link)) greenlet.rawlink(this.#links.get(o.link)!);
        return this.say(o);
      case "unlink":
        if (this.#links.has(o.link)) greenlet.unlink(this.#links.get(o.link)!);
        return this.say(o);
      case "state":
        return this.say(
          o,
          greenlet.ready(),
          greenlet.successful(),
          greenlet.value,
          greenlet.exception,
        );
      default:
        throw new Error(`what is ${o.op}?`);
    }
  }

  #some({ greenlets }: Arguments): Greenlet[] {
    return greenlets.map((number) => this.#greenlets.get(number)).filter((one) =>
      one !== undefined
    );
  }

  *#killAll(o: Arguments): Coroutine {
    try {
      const killed = killAll(this.#some(o), this.milliseconds(o));
      if (o.block) yield* killed;
      this.say(o);
    } catch (error) {
      if (!(error instanceof Timeout)) throw error;
      this.say(o, error);
    }
  }

  *#timeout(o: Arguments): Coroutine {
    using timeout = new Timeout(this.milliseconds(o));
    try {
      yield* this.block(o.do);
    } catch (error) {
      if (!(error instanceof Timeout) || (o.mine && error !== timeout)) throw error;
      this.say(o, "too late");
    }
    this.say(o);
  }

  #link(o: Arguments): Link {
    return ({ value }) => {
      this.lines.push(`${o.id} called ${text(value)}`);
      if (o.set !== undefined) this.#events[o.set].set();
      if (o.clear !== undefined) this.#events[o.clear].clear();
      if (o.kill !== undefined) this.#greenlets.get(o.kill)?.kill();
      if (o.unlink !== undefined) {
        const other = this.#links.get(o.other);
        if (other !== undefined) this.#greenlets.get(o.unlink)?.unlink(other);
      }
      if (o.relink !== undefined) {
        this.#greenlets.get(o.relink)?.rawlink(() => {
          this.lines.push(`${o.id} called once more`);
        });
      }
    };
  }

  *#queue(o: Arguments, queue: Queue<string>): Coroutine {
    const milliseconds = this.milliseconds(o);
    let result: string | void;
    try {
      if (o.op === "put") result = yield* queue.put(`item${o.id}`, milliseconds);
      else if (o.op === "putNowait") result = queue.putNowait(`item${o.id}`);
      else result = o.op === "take" ? yield* queue.get(milliseconds) : queue.getNowait();
      this.say(o, result, queue.qsize());
    } catch (error) {
      if (!(error instanceof Empty || error instanceof Full)) throw error;
      this.say(o, error);
    }
  }

  *run(): Coroutine<string[]> {
    const { ticks } = this.program;
    // So that callbacks of the program before do not count as its own.
    if (ticks !== undefined) yield* sleep(this.tick * 1000);
    this.#greenlets.set(0, spawn(() => this.body(0)) as Greenlet);
    if (ticks !== undefined) yield* sleep((ticks + 2) * this.tick * 1000);
    else for (let i = 0; i < 60; i++) yield* sleep(0);
    // What is left waits for something that will not happen.
    this.lines.push("kill all");
    for (let i = 0; i < 8; i++) {
      for (const greenlet of this.#greenlets.values()) greenlet.kill();
      for (let i = 0; i < 12; i++) yield* sleep(0);
    }
    this.lines.push(`left ${[...this.#greenlets.values()].filter((one) => !one.ready()).length}`);
    return [...this.lines];
  }
}

function* main(programs: Program[], tick: number): Coroutine<string[][]> {
  const lines: string[][] = [];
  const timed = [...programs.keys()].filter((i) => (programs[i].ticks ?? 0) > 1);
  for (const [i, program] of programs.entries()) {
    if (!timed.includes(i)) lines[i] = yield* new GeventRunner(program, tick).run();
  }
  const greenlets = timed.map((i) => spawn(() => new GeventRunner(programs[i], tick).run()));
  yield* joinAll(greenlets as Greenlet[]);
  for (const [i, greenlet] of greenlets.entries()) lines[timed[i]] = greenlet.value as string[];
  return lines;
}

console.error = () => {}; // which reports errors that no program has caught
const [programs, tick] = await new Response(Deno.stdin.readable).json();
console.log(JSON.stringify(runMain(() => main(programs, tick))));
