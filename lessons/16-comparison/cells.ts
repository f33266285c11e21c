/**
 * The loads that are measured: how many connections there are, how many of them are active, and how
 * large their messages are.
 *
 * @module
 */

/** One kind of load, under which all servers are compared. */
export interface Cell {
  /** How many connections there are. */
  connections: number;
  /** How many of them send messages; the others are connected, and idle. */
  active: number;
  /** The size of a message in bytes. */
  size: number;
}

/** How many connections are active where most are idle. */
export const TALKERS = 10;

/** The cells of a run: both kinds of load, from few connections to many, with each size. */
export interface Range {
  /** Numbers of connections that are all active. */
  active: readonly number[];
  /** Numbers of connections of which only {@linkcode TALKERS} are active. */
  idle: readonly number[];
  /** Sizes of messages in bytes. */
  sizes: readonly number[];
}

/** The cells of a short run. */
export const SHORT: Range = { active: [1, 50], idle: [1000], sizes: [64] };
/** The cells of a full run. */
export const FULL: Range = {
  active: [1, 10, 50, 900],
  idle: [100, 1000, 9000],
  sizes: [64, 64 * 1024],
};

/** All cells of a range. */
export function cellsOf({ active, idle, sizes }: Range): Cell[] {
  return sizes.flatMap((size) => [
    ...active.map((connections) => ({ connections, active: connections, size })),
    ...idle.map((connections) => ({ connections, active: Math.min(TALKERS, connections), size })),
  ]);
}

/**
 * How many messages a second are due while latencies are measured: the same for all servers, and
 * fewer than most of them can answer.
 */
export function rateOf({ size }: Cell): number {
  return size <= 1024 ? 4000 : 400;
}

/** A cell in words. */
export function describe({ connections, active, size }: Cell): string {
  const count = `${connections.toLocaleString("en")} connection${connections === 1 ? "" : "s"}`;
  const talking = active === connections ? "all active" : `${active} of them active`;
  return `${count}, ${talking}, ${sizeName(size)}`;
}

/** A size in words. */
export function sizeName(size: number): string {
  return size % 1024 === 0 ? `${size / 1024} KiB` : `${size} bytes`;
}
