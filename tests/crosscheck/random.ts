/**
 * Random programs, as data: each is run by lesson 13 or 14 and by what it rebuilds; both have to
 * print the same lines.
 *
 * A program consists of bodies. The first one runs as a task or greenlet, and starts the others. An
 * operation prints its number and what it has given. Times are in ticks; each time that a program
 * waits for is a different power of two, so that no two of its timers are due at the same moment,
 * whenever they begin.
 *
 * @module
 */

/** What a body does. */
export interface Operation {
  /** Its number, which no other operation of the program has. */
  id: number;
  /** What it does. */
  op: string;
  /** With what: numbers of bodies, flags and the like; and blocks of operations. */
  [argument: string]: unknown;
}

/** A program. */
export interface Program {
  /** What its tasks or greenlets do. */
  bodies: Operation[][];
  /** How many futures or events there are. */
  flags: number;
  /** How many items each queue has room for. */
  queues: number[];
  /** How many greenlets each pool has room for. */
  pools: number[];
  /** How long all its timers take together, in ticks; undefined if there are none. */
  ticks?: number;
}

/** Which timers a program has: none; some that take no time at all; or some that take ticks. */
export type Timing = "untimed" | "zero" | "timed";

/** Random numbers that are the same for the same seed (mulberry32). */
export class Random {
  #state: number;

  /** Begins with a seed. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  /** Whether something happens that happens `percent` times of a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** One of several. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)];
  }
}

type Arguments = Record<string, unknown>;

/** What both kinds of programs are made with. */
class Maker {
  readonly bodies: Operation[][];
  readonly flags: number;
  #operations = 0;
  #times: number[];
  #ticks = 0;

  constructor(readonly random: Random, readonly timing: Timing) {
    this.bodies = Array.from({ length: 3 + random.below(5) }, () => []);
    this.flags = 1 + random.below(3);
    this.#times = timing === "timed" ? [1, 2, 4, 8] : [];
  }

  /** An operation, with the next number. */
  make(op: string, rest: Arguments = {}): Operation {
    return { id: this.#operations++, op, ...rest };
  }

  /** A time that no other timer of the program has; undefined if there is none left. */
  time(): number | undefined {
    if (this.timing === "zero") return 0;
    if (this.#times.length === 0) return undefined;
    const [time] = this.#times.splice(this.random.below(this.#times.length), 1);
    this.#ticks += time;
    return time;
  }

  /** A time limit, sometimes. */
  limit(): number | undefined {
    return this.random.chance(40) ? this.time() : undefined;
  }

  /** The number of a body that is not before `first`. */
  body(first = 0): number {
    return first + this.random.below(this.bodies.length - first);
  }

  /** Several of them, now and then the same one twice. */
  some(first = 0): number[] {
    return Array.from({ length: 1 + this.random.below(3) }, () => this.body(first));
  }

  flag(): number {
    return this.random.below(this.flags);
  }

  /** Fills each body with random operations, and puts in those that start the others. */
  fill(choose: (body: number, depth: number) => Operation, start: (body: number) => Operation) {
    this.bodies.forEach((operations, body) => {
      operations.push(...this.block(7, () => choose(body, 0)));
    });
    for (let body = 1; body < this.bodies.length; body++) {
      const operations = this.bodies[this.random.below(body)];
      operations.splice(this.random.below(Math.min(operations.length, 3) + 1), 0, start(body));
    }
  }

  /** A few operations. */
  block(most: number, choose: () => Operation): Operation[] {
    return Array.from({ length: 1 + this.random.below(most) }, choose);
  }

  program(queues: number[] = [], pools: number[] = []): Program {
    const { bodies, flags } = this;
    const ticks = this.timing === "untimed" ? undefined : this.#ticks + 1;
    return { bodies, flags, queues, pools, ticks };
  }
}

/**
 * A program for asyncio. A body waits only for later ones, so no two tasks wait for each other:
 * asyncio would recurse forever when one of them is cancelled.
 */
export function asyncioProgram(random: Random, timing: Timing): Program {
  const maker = new Maker(random, timing);
  const last = maker.bodies.length - 1;
  const gathersOf = maker.bodies.map((): number[] => []);
  let gathers = 0;

  /** What a body can wait for: a task, a future or a gathering; or cancel, whichever it is. */
  function target(body: number): Arguments {
    return body < last && random.chance(60)
      ? { task: maker.body(body + 1) }
      : { future: maker.flag() };
  }

  function block(body: number, depth: number) {
    return maker.block(3, () => choose(body, depth + 1));
  }

  const operations: Record<string, (body: number, depth: number) => Arguments | undefined> = {
    print: () => ({}),
    nap: () => ({}),
    sleep: () => optional(maker.time(), (ticks) => ({ ticks })),
    await: (body) => ({ ...target(body), safe: random.below(3) }),
    cancel: () => random.chance(70) ? { task: maker.body() } : { future: maker.flag() },
    cancelGather: () => gathers > 0 ? { gather: random.below(gathers) } : undefined,
    awaitGather: (body) =>
      gathersOf[body].length > 0
        ? { gather: random.pick(gathersOf[body]), safe: random.below(3) }
        : undefined,
    set: () => ({ future: maker.flag() }),
    fail: () => ({ future: maker.flag() }),
    gather: (body) => ({
      gather: gathersOf[body][gathersOf[body].push(gathers) - 1],
      of: Array.from({ length: random.below(4) }, () => target(body)),
      returnExceptions: random.chance(40),
      now: gathers++ % 3 > 0,
      safe: random.below(3),
    }),
    wait: (body) => ({
      of: Array.from({ length: 1 + random.below(3) }, () => target(body)),
      returnWhen: random.pick(["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"]),
      ticks: random.chance(20) ? 0 : maker.limit(),
    }),
    waitFor: (body) => ({
      ...target(body),
      ticks: random.chance(30) ? random.pick([0, -1]) : maker.time() ?? 0,
      safe: random.below(3),
    }),
    callback: () => random.chance(70) ? { task: maker.body() } : { future: maker.flag() },
    state: () => random.chance(70) ? { task: maker.body() } : { future: maker.flag() },
    raise: () => random.chance(50) ? {} : undefined,
    return: () => random.chance(30) ? {} : undefined,
    try: (body, depth) =>
      depth > 1 ? undefined : {
        do: block(body, depth),
        catch: random.pick(["CancelledError", "ValueError", "nothing"]),
        handler: block(body, depth),
        always: random.chance(60) ? block(body, depth) : [],
      },
  };

  function choose(body: number, depth: number): Operation {
    return chosen(maker, operations, body, depth);
  }

  maker.fill(choose, (body) => {
    const way = random.below(10);
    if (way > 2) return maker.make("spawn", { task: body });
    if (way === 0) return maker.make("waitFor", { body, ticks: maker.time() ?? 0, safe: 2 });
    const of = [{ body }, ...random.chance(50) ? [{ body }] : [], { future: maker.flag() }];
    const [now, returnExceptions] = [random.chance(50), random.chance(40)];
    return maker.make("gather", { gather: gathers++, of, returnExceptions, now, safe: 2 });
  });
  return maker.program();
}

/** A program for gevent. */
export function geventProgram(random: Random, timing: Timing): Program {
  const maker = new Maker(random, timing);
  const queues = Array.from({ length: random.below(3) }, () => random.pick([0, 1, 1, 2]));
  const pools = Array.from({ length: random.below(2) }, () => 1 + random.below(2));
  let links = 0;

  function block(body: number, depth: number) {
    return maker.block(3, () => choose(body, depth + 1));
  }

  /** What a link does when it is called, besides printing. */
  function effect(): Arguments {
    return random.pick<() => Arguments>([
      () => ({}),
      () => ({ set: maker.flag() }),
      () => ({ clear: maker.flag() }),
      () => ({ kill: maker.body() }),
      () => ({ unlink: maker.body(), other: random.below(links + 1) }),
      () => ({ relink: maker.body() }),
    ])();
  }

  function queue(): number | undefined {
    return queues.length > 0 ? random.below(queues.length) : undefined;
  }

  const operations: Record<string, (body: number, depth: number) => Arguments | undefined> = {
    print: () => ({}),
    nap: () => ({}),
    sleep: () => timing === "timed" ? optional(maker.time(), (ticks) => ({ ticks })) : undefined,
    join: () => ({ greenlet: maker.body(), ticks: maker.limit() }),
    get: () => ({ greenlet: maker.body(), ticks: maker.limit(), safe: random.below(2) }),
    kill: () => ({
      greenlet: maker.body(),
      block: random.chance(50),
      ticks: maker.limit(),
      error: random.chance(20),
    }),
    start: () => ({ greenlet: maker.body() }),
    killAll: () => ({ greenlets: maker.some(), block: random.chance(50), ticks: maker.limit() }),
    joinAll: () => ({ greenlets: maker.some(), ticks: maker.limit() }),
    link: () => ({ greenlet: maker.body(), link: links++, ...effect() }),
    linkAgain: () => links > 0 ? { greenlet: maker.body(), link: random.below(links) } : undefined,
    unlink: () => links > 0 ? { greenlet: maker.body(), link: random.below(links) } : undefined,
    set: () => ({ event: maker.flag() }),
    clear: () => ({ event: maker.flag() }),
    wait: () => ({ event: maker.flag(), ticks: maker.limit() }),
    put: () => optional(queue(), (queue) => ({ queue, ticks: maker.limit() })),
    take: () => optional(queue(), (queue) => ({ queue, ticks: maker.limit() })),
    putNowait: () => optional(queue(), (queue) => ({ queue })),
    takeNowait: () => optional(queue(), (queue) => ({ queue })),
    poolJoin: () => pools.length > 0 ? { pool: 0, ticks: maker.limit() } : undefined,
    poolKill: () => pools[0] === 1 ? { pool: 0, block: random.chance(50) } : undefined,
    state: () => ({ greenlet: maker.body() }),
    raise: () => random.chance(40) ? {} : undefined,
    return: () => random.chance(30) ? {} : undefined,
    timeout: (body, depth) =>
      depth > 1 ? undefined : optional(maker.time(), (ticks) => ({
        ticks,
        do: block(body, depth),
        mine: random.chance(80),
      })),
    try: (body, depth) =>
      depth > 1 ? undefined : {
        do: block(body, depth),
        catch: random.pick(["GreenletExit", "ValueError", "nothing"]),
        handler: block(body, depth),
        always: random.chance(60) ? block(body, depth) : [],
      },
  };

  function choose(body: number, depth: number): Operation {
    return chosen(maker, operations, body, depth);
  }

  maker.fill(choose, (body) => {
    const way = random.below(10);
    if (way === 0 && timing === "timed") {
      const ticks = maker.time();
      if (ticks !== undefined) return maker.make("spawnLater", { greenlet: body, ticks });
    }
    if (way < 4 && pools.length > 0) return maker.make("poolSpawn", { greenlet: body, pool: 0 });
    return maker.make(way === 9 ? "create" : "spawn", { greenlet: body });
  });
  return maker.program(queues, pools);
}

/** One of the operations with arguments of its own, if that is possible there. */
function chosen(
  maker: Maker,
  operations: Record<string, (body: number, depth: number) => Arguments | undefined>,
  body: number,
  depth: number,
): Operation {
  while (true) {
    const op = maker.random.pick(Object.keys(operations));
    const rest = operations[op](body, depth);
    if (rest !== undefined) return maker.make(op, rest);
  }
}

function optional<Value>(
  value: Value | undefined,
  make: (value: Value) => Arguments,
): Arguments | undefined {
  return value === undefined ? undefined : make(value);
}
