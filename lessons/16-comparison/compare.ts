/**
 * Measures all servers under one load, round after round.
 *
 * @module
 */

import { getrlimit, RLIMIT_NOFILE } from "../../shared/linux/descriptors.ts";
import { type Cell, rateOf } from "./cells.ts";
import type { Contender } from "./contenders.ts";
import type { Counting, Measurement } from "./load.ts";
import { type Load, measure } from "./measure.ts";
import { type Absence, type Report, resultsOf } from "./report.ts";

/** How servers are measured. */
export interface Settings {
  /** How many times each server is measured. */
  rounds: number;
  /** For how long each time, in milliseconds. */
  time: number;
  /** A file in which the recorder can count system calls. */
  counts: string;
  /** Called with the name of each server before it is measured. */
  onMeasuring: (server: string) => void;
}

/** The most descriptors that a server has besides its connections. */
const OWN_DESCRIPTORS = 100;

/**
 * Measures all servers under one load, and adds the results to the report. Every round measures
 * each server once, so that whatever else the machine does affects all of them.
 */
export async function compare(
  cell: Cell,
  contenders: readonly Contender[],
  load: Load,
  report: Report,
  { rounds, time, counts, onMeasuring }: Settings,
): Promise<void> {
  const measured = new Map<string, Measurement[]>(contenders.map(({ name }) => [name, []]));
  function leaveOut(list: Absence[], server: string, because: string) {
    list.push({ ...cell, server, because });
    measured.delete(server);
  }
  const { hard: limit } = getrlimit(RLIMIT_NOFILE);
  for (const { name, most } of contenders) {
    if (most !== undefined && cell.connections > most.connections) {
      leaveOut(report.absent, name, most.because);
    } else if (cell.connections > limit - OWN_DESCRIPTORS) {
      leaveOut(report.absent, name, `a process may have ${limit} descriptors here (ulimit -Hn)`);
    }
  }
  for (let round = 1; round <= rounds; round++) {
    for (const contender of contenders) {
      const { name, recorded, needsIoUring } = contender;
      onMeasuring(name);
      // Counting takes time itself. Done in the last round only, it leaves the median alone.
      const how: Counting = recorded ? { by: "recorder", file: counts } : { by: "strace" };
      const count = round === rounds ? how : undefined;
      try {
        const conditions = { ...cell, time, rate: rateOf(cell), count };
        measured.get(name)?.push(await measure(contender, load, conditions));
      } catch (error) {
        const { message } = error as Error;
        const cannot = needsIoUring && /io_uring/.test(message);
        leaveOut(cannot ? report.absent : report.failed, name, message);
      }
    }
  }
  report.results.push(...resultsOf(cell, measured));
}
