/**
 * What random_asyncio.ts and random_gevent.ts run the programs of random.ts with: bodies, blocks
 * and the lines that they print.
 *
 * @module
 */

import type { Operation, Program } from "./random.ts";

/** Python's ValueError, which programs raise and catch. */
export class ValueError extends Error {
  /** The class's name, as Python prints it. */
  override name = "ValueError";
}

/** Ends a body. */
export class Return extends Error {}

/** A block with a handler. */
export interface Try<Arguments> extends Operation {
  /** The class of errors that the handler is for, or `nothing`. */
  catch: string;
  /** The block. */
  do: Arguments[];
  /** What is done after such an error. */
  handler: Arguments[];
  /** What is done in any case. */
  always: Arguments[];
}

/** A value as the programs print it. */
export function text(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(text).join(" ")}]`;
  if (value instanceof Error) return value.name;
  return value === undefined ? "nothing" : String(value).toLowerCase();
}

/** Runs one program. `Switch` is what its coroutines yield. */
export abstract class Runner<Arguments extends Operation, Switch> {
  /** What the program has printed. */
  protected readonly lines: string[] = [];

  /** A runner whose ticks take `tick` seconds, and whose handlers catch these classes. */
  constructor(
    protected readonly program: Program,
    protected readonly tick: number,
    readonly caught: Record<string, new () => Error>,
  ) {}

  /** Does what an operation says. */
  protected abstract operate(operation: Arguments): Generator<Switch, void, void>;

  /** Prints what an operation has given. */
  protected say({ id, op }: Operation, ...values: unknown[]): void {
    this.lines.push([id, op, ...values.map(text)].join(" "));
  }

  /** How long an operation takes; undefined for one without a time. */
  protected milliseconds({ ticks }: { ticks?: number }): number | undefined {
    return ticks === undefined ? undefined : ticks * this.tick * 1000;
  }

  /** Runs a body. */
  protected *body(number: number): Generator<Switch, string, void> {
    this.lines.push(`${number} begins`);
    try {
      yield* this.block(this.program.bodies[number] as Arguments[]);
      this.lines.push(`${number} ends`);
    } catch (error) {
      if (!(error instanceof Return)) {
        this.lines.push(`${number} fails ${text(error)}`);
        throw error;
      }
      this.lines.push(`${number} returns`);
    }
    return `result${number}`;
  }

  /** Runs the operations of a block. */
  protected *block(operations: Arguments[]): Generator<Switch, void, void> {
    for (const operation of operations) yield* this.operate(operation);
  }

  /** Runs a block with its handler. */
  protected *try(o: Try<Arguments>): Generator<Switch, void, void> {
    try {
      yield* this.block(o.do);
    } catch (error) {
      if (o.catch === "nothing" || !(error instanceof this.caught[o.catch])) throw error;
      this.say(o, error);
      yield* this.block(o.handler);
    } finally {
      this.say(o, "finally");
      yield* this.block(o.always);
    }
  }
}
