/**
 * What to notice when a lesson has run. Each sentence is derived from the run, so that it is true
 * of it, whatever the options were and whatever has been changed in the scripts.
 *
 * @module
 */

import type { Outcome } from "../../client.ts";
import { type CallCount, counted, eagain, sum, total, whole } from "./costs.ts";

/** What is known of a run. */
export interface Facts {
  /** How the client's scenario went; undefined for a program and for a conversation. */
  outcome?: Outcome;
  /** How long it took, in milliseconds. */
  wall: number;
  /** The CPU time of the server or the program, in milliseconds. */
  cpu: number;
  /** Threads of the server that began after the first client had come. */
  threads: number;
  /** How much the peak of the server's memory rose after that, in bytes. */
  memory: number;
  /** The system calls of the server. */
  calls: readonly CallCount[];
  /** What the server or the program printed. */
  lines: readonly string[];
}

/** The sentence for a run of a lesson; undefined if nothing can be said of it. */
export function noticeOf(number: string, facts: Facts): string | undefined {
  return NOTICES[number]?.(facts);
}

const NOTICES: Record<string, (facts: Facts) => string | undefined> = {
  "00"({ lines }) {
    const row = /^ *([\d,]+) B in .* waited +([\d.]+) ms, .*copied +([\d.]+) ms$/;
    const rows = lines.flatMap((line) => row.exec(line)?.slice(1) ?? []).map(toNumber);
    const sizes = rows.filter((_, i) => i % 3 === 0);
    if (sizes.length === 0) return undefined;
    const [waits, copies] = [1, 2].map((column) => rows.filter((_, i) => i % 3 === column));
    const [small, large] = [Math.min(...sizes), Math.max(...sizes)];
    const copy = (size: number) => copies[sizes.indexOf(size)].toFixed(3);
    return `The server waited for ${milliseconds(sum(waits))} in all, and copied ${
      whole(small)
    } B ` +
      `in ${copy(small)} ms, ${whole(large)} B in ${copy(large)} ms.`;
  },
  "01"({ outcome, wall }) {
    if (outcome === undefined) return undefined;
    const { clients, longest } = outcome;
    if (clients === 1) {
      return "There was one client, and no other that it could have waited for. Try --clients 3.";
    }
    return longest > wall / 2
      ? `A client was connected at once, and waited for ${
        milliseconds(longest)
      }: the only thread ` +
        "was inside a call for another client."
      : `No client waited for more than ${milliseconds(longest)}: none was silent for long.`;
  },
  "02"({ outcome, threads, memory }) {
    if (outcome === undefined) return undefined;
    return `${counted(outcome.clients, "client")}: ${counted(threads, "thread")} more and ` +
      `${Math.round(memory / 2 ** 20)} MiB more memory; the longest wait was ` +
      `${milliseconds(outcome.longest)}.`;
  },
  "03"(facts) {
    const [all, failed] = [total(facts.calls), eagain(facts.calls)];
    return `One thread served ${served(facts)}, and used ${share(facts)} % of a core: of ` +
      `${whole(all)} system calls, ${whole(failed)} returned EAGAIN.`;
  },
  "04"(facts) {
    const turnedAway = facts.lines.some((line) => line.startsWith("turned away"));
    return `One thread served ${served(facts)} with ` +
      `${counted(callsOf(facts, "select"), "select call")}, and used ${share(facts)} % of a core` +
      (turnedAway ? "; those beyond descriptor 1,023 were turned away." : ".");
  },
  "05"(facts) {
    if (facts.outcome === undefined) return undefined;
    return `One thread served ${served(facts)}. Each of the ` +
      `${counted(callsOf(facts, "poll"), "poll call")} went through the whole list, of up to ` +
      `${whole(facts.outcome.clients + 1)} descriptors.`;
  },
  "06"(facts) {
    const [all, failed] = [callsOf(facts, "recv"), eagain(facts.calls, "recv")];
    return `epoll_wait handed over only sockets that were ready: of ${whole(all)} recv calls, ` +
      `${failed === 0 ? "none" : whole(failed)} returned EAGAIN.`;
  },
  "07"(facts) {
    const names = ["epoll_wait", "poll", "select"].filter((name) => callsOf(facts, name) > 0);
    return `The server names no call that waits; its selector made ` +
      names.map((name) => counted(callsOf(facts, name), `${name} call`)).join(" and ") + ".";
  },
  "08"({ lines }) {
    const match = lines.map((line) => /^(\d+) signals for (\d+) messages$/.exec(line))
      .findLast((match) => match !== null);
    if (!match) return undefined;
    const [signals, messages] = match.slice(1).map(Number);
    return `${whole(signals)} signals for ${whole(messages)} messages` +
      (signals < messages ? ": several became one, so one signal may stand for many." : ".");
  },
  "09"(facts) {
    const others = ["recv", "send", "accept4"].filter((name) => callsOf(facts, name) > 0);
    return `${counted(callsOf(facts, "io_uring_enter"), "io_uring_enter call")} handed over ` +
      `everything${others.length === 0 ? "; there was no recv and no send call" : ""}.`;
  },
  "10": () => "Two pieces of code took turns, and each said when the other was to go on.",
  "11": () => "Every function between the caller and the one that waits has to write yield*.",
  "12"({ lines }) {
    const match = lines.map((line) => /slept for ([\d.]+) s in all, within ([\d.]+) s/.exec(line))
      .find((match) => match !== null);
    return match
      ? `They slept for ${match[1]} s in all, within ${match[2]} s. The scheduler knows how to ` +
        "wait for time only."
      : undefined;
  },
  "13"(facts) {
    return `${
      counted(callsOf(facts, "epoll_wait"), "epoll_wait call")
    }, as in lesson 07; but what ` +
      "is done for a client is one function again.";
  },
  "14"({ outcome }) {
    if (outcome === undefined) return undefined;
    return `Straight-line code for each client, on one thread; the longest wait was ` +
      `${milliseconds(outcome.longest)}.`;
  },
  "15": () => "The work itself made no call of ours; the first lines show Deno's own epoll.",
  "18"(facts) {
    const pool = facts.lines.map((line) => /^threads that \w+: (\d+)/.exec(line)?.[1])
      .find((threads) => threads !== undefined);
    if (facts.outcome === undefined || pool === undefined) return undefined;
    return `${counted(Number(pool), "thread")} served ${served(facts)}, and used ${share(facts)} ` +
      `% of a core; the longest wait was ${milliseconds(facts.outcome.longest)}.`;
  },
  "19"(facts) {
    const linesWith = (pattern: RegExp) => facts.lines.filter((line) => pattern.test(line)).length;
    const begun = linesWith(/^child \d+ is process \d+/);
    const died = linesWith(/^child \d+ ended with .*: started again/);
    const fate = died === 0
      ? "none of them died"
      : died === 1
      ? "one died, and another took its place"
      : `${whole(died)} died, and others took their place`;
    return `${
      begun === 1 ? "One process" : `${whole(begun)} processes`
    } accepted from one socket, ` +
      `and served ${served(facts)}; ${fate}.`;
  },
  "20"({ lines }) {
    const row = /^(\d+) connections, by loop: ([\d, ]+); (\d+) wake-ups/;
    const rows = lines.flatMap((line) => {
      const [, all, loops, wakeUps] = row.exec(line) ?? [];
      if (all === undefined) return [];
      return [{ all: Number(all), loops: loops.split(", ").map(Number), wakeUps: Number(wakeUps) }];
    });
    if (rows.length === 0) return undefined;
    const [{ loops }] = rows;
    const parts = rows.map(({ all, loops }) =>
      `${whole(Math.max(...loops))} of ${whole(all)} clients`
    );
    const [all, wakeUps] = [sum(rows.map(({ all }) => all)), sum(rows.map((row) => row.wakeUps))];
    return `The busiest of ${counted(loops.length, "loop")} had ${parts.join(", and ")}` +
      (wakeUps > all ? `. For ${whole(all)} clients, loops woke up ${whole(wakeUps)} times.` : ".");
  },
  "21"(facts) {
    if (facts.outcome === undefined) return undefined;
    const results = callsOf(facts, "write"); // to the eventfd
    const who = results === 0
      ? "Whatever was computed, the loop itself computed it"
      : `Threads computed, and woke the loop with ${counted(results, "write call")}`;
    return `${who}; of ${counted(facts.outcome.clients, "client")}, the one that waited longest ` +
      `waited for ${milliseconds(facts.outcome.longest)}.`;
  },
  "22"(facts) {
    const { outcome } = facts;
    if (outcome === undefined) return undefined;
    const [set, ticks] = [callsOf(facts, "timerfd_settime"), callsOf(facts, "read")];
    const timer = ticks === 0
      ? "the timer never ticked, since no client had a limit"
      : `one timerfd for all, with ${counted(set, "timerfd_settime call")} and ` +
        `${counted(ticks, "read call")}, one for each tick`;
    return `${counted(outcome.clients, "client")}, and ${timer}. The longest wait was ` +
      `${milliseconds(outcome.longest)}.`;
  },
  "23"(facts) {
    const dropped = facts.lines.filter((line) => line.startsWith("dropped ")).length;
    const [recv, send] = ["recv", "send"].map((name) => callsOf(facts, name));
    const work = send === 0
      ? "Deno's own sockets did the work"
      : `${counted(recv, "recv call")} took in what was said, and ${counted(send, "send call")} ` +
        "passed it on to the others";
    return dropped === 0
      ? `${work}; no client was too slow.`
      : `${work}; ${counted(dropped, "client")} did not read, and had to go.`;
  },
  "24"(facts) {
    const [splices, failed] = [callsOf(facts, "splice"), eagain(facts.calls, "splice")];
    const copying = ["recv", "send"].filter((name) => callsOf(facts, name) > 0);
    if (splices === 0) {
      const made = copying.map((name) => counted(callsOf(facts, name), `${name} call`));
      return made.length === 0
        ? undefined
        : `${made.join(" and ")}: each byte was copied into the program and out of it again.`;
    }
    return `${counted(splices, "splice call")}, ${failed === 0 ? "none" : whole(failed)} of them ` +
      "EAGAIN" +
      (copying.length === 0
        ? "; there was no recv and no send call, so no byte entered the program."
        : ".");
  },
};

function served({ outcome }: Facts): string {
  if (outcome === undefined) return "its client";
  const { clients, correct } = outcome;
  return correct === clients
    ? counted(clients, "client")
    : `${whole(correct)} of ${whole(clients)} clients`;
}

function callsOf({ calls }: Facts, name: string): number {
  return calls.find((call) => call.name === name)?.calls ?? 0;
}

function share({ cpu, wall }: Facts): number {
  return Math.round(100 * cpu / wall);
}

function toNumber(text: string): number {
  return Number(text.replaceAll(",", ""));
}

function milliseconds(time: number): string {
  return time < 10 ? `${time.toFixed(1)} ms` : `${whole(Math.round(time))} ms`;
}
