/**
 * The results of all measurements: the medians of the rounds, their spread, and what limited them.
 * `--json` writes this, and the charts are drawn from it.
 *
 * @module
 */

import type { Cell } from "./cells.ts";
import { type Missing, nodeVersion, output, REFERENCE } from "./contenders.ts";
import type { Measurement } from "./load.ts";
import { median, percentile, spread } from "./statistics.ts";

/** A value that was measured in several rounds. */
export interface Figure {
  /** The median of the rounds. */
  median: number;
  /** The distance of the round that differs most, as a share of the median. */
  spread: number;
  /** The median as a multiple of the C server's; missing if that was not measured. */
  toC?: number;
}

/** One server under one load. */
export interface Result extends Cell {
  /** The name of the server. */
  server: string;
  /** Messages that were answered in a second. */
  perSecond: Figure;
  /** CPU time of the server for each message, in microseconds. */
  cpu: Figure;
  /**
   * Latencies at the fixed rate, in microseconds, over the messages of all rounds together: a
   * single round has too few messages for p999.
   */
  latency: { p50: number; p99: number; p999: number; messages: number };
  /** System calls for each message, where they could be counted. */
  calls?: number;
  /** Context switches of the server for each message. */
  switches: number;
  /** The most memory that the server had, in MiB. */
  memory: number;
  /** The number of its threads. */
  threads: number;
  /** The load was busy all the time and the server was not: it could have answered more. */
  loadWasLimit: boolean;
  /** The load itself was late, by more than half of p99: the server's own latency is lower. */
  loadWasLate: boolean;
}

/** A server that was not measured under one load, and the reason. */
export interface Absence extends Cell {
  /** The name of the server. */
  server: string;
  /** The reason, in a few words. */
  because: string;
}

/** A whole run. */
export interface Report {
  /** When it began, in ISO 8601. */
  date: string;
  /** The machine, and the versions of what ran on it. */
  machine: Record<string, string>;
  /** How many times each server was measured under each load. */
  rounds: number;
  /** The length of each measurement, in milliseconds. */
  time: number;
  /** Servers that this machine lacks. */
  missing: Missing[];
  /** Servers that cannot take part under some load. */
  absent: Absence[];
  /** Servers that took part and failed. */
  failed: Absence[];
  /** The results of all other servers. */
  results: Result[];
}

/** A report without results. */
export function emptyReport(rounds: number, time: number, missing: Missing[]): Report {
  const date = new Date().toISOString();
  return { date, machine: machine(), rounds, time, missing, absent: [], failed: [], results: [] };
}

/** The machine, and the versions of what runs on it. */
function machine(): Record<string, string> {
  const cpu = /^model name\s*: (.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1];
  const versions: [string, string | undefined][] = [
    ["cpu", `${cpu ?? Deno.build.arch}, ${navigator.hardwareConcurrency} cores`],
    ["kernel", `Linux ${Deno.osRelease()}`],
    ["deno", `Deno ${Deno.version.deno}`],
    ["cc", output(["cc", "--version"])?.split("\n")[0]],
    ["node", nodeVersion()?.replace(/^/, "Node ")],
    ["python", output(["python3", "--version"])],
  ];
  return Object.fromEntries(
    versions.flatMap(([name, version]) => version === undefined ? [] : [[name, version]]),
  );
}

/**
 * The results of one cell, sorted by the cost of a message.
 *
 * @param measured The rounds of each server, by name.
 */
export function resultsOf(cell: Cell, measured: ReadonlyMap<string, Measurement[]>): Result[] {
  const reference = measured.get(REFERENCE);
  return [...measured].map(([server, rounds]) => {
    function medianOf(valueOf: (round: Measurement) => number, of = rounds): number {
      return median(of.map(valueOf));
    }
    function figure(valueOf: (round: Measurement) => number): Figure {
      return {
        median: medianOf(valueOf),
        spread: spread(rounds.map(valueOf)),
        toC: reference && medianOf(valueOf) / medianOf(valueOf, reference),
      };
    }
    const latencies = rounds.flatMap(({ latencies }) => latencies);
    const latency = {
      p50: percentile(latencies, 50),
      p99: percentile(latencies, 99),
      p999: percentile(latencies, 99.9),
      messages: latencies.length,
    };
    return {
      ...cell,
      server,
      perSecond: figure(({ messages, wall }) => 1000 * messages / wall),
      cpu: figure(({ server, messages }) => 1000 * server / messages),
      latency,
      calls: rounds.find(({ calls }) => calls !== undefined)?.calls,
      switches: medianOf(({ switches, messages }) => switches / messages),
      memory: medianOf(({ memory }) => memory / 2 ** 20),
      threads: medianOf(({ threads }) => threads),
      loadWasLimit: medianOf(({ load, wall }) => load / wall) > 0.9 &&
        medianOf(({ server, wall }) => server / wall) < 0.9,
      loadWasLate: medianOf(({ late }) => late) > latency.p99 / 2,
    };
  }).sort((a, b) => a.cpu.median - b.cpu.median);
}
