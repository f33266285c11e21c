/**
 * The recorder. It is put around a script from outside, as strace is put around a program:
 *
 *     deno run --preload "file:///…/recorder.ts?trace=FILE" --allow-ffi SCRIPT
 *
 * Deno runs it before the script, with the same instances of all modules, so that it can replace
 * the functions of libc and listen to what clients and coroutines publish. The script is the same
 * as ever, and knows nothing of it. Threads and processes that it starts are recorded in the same
 * trace.
 *
 * @module
 */

import { threads } from "../../linux/libc.ts";
import { addressesIn } from "../../linux/process.ts";
import { now } from "./activity.ts";
import { traceCalls } from "./calls.ts";
import { traceClients } from "./clients.ts";
import { traceCoroutines } from "./coroutines.ts";
import { countCalls, openCounts } from "./counts.ts";
import {
  endRecording,
  jsonHeader,
  jsonLine,
  nameEvent,
  type Recorder,
  recordOnStderr,
  reportFailure,
} from "./events.ts";
import { replace } from "./functions.ts";
import { Log } from "./log.ts";
import { Places } from "./places.ts";
import { settingsOf, withSettings } from "./settings.ts";
import { traceSignals } from "./signals.ts";

const { gettid } = threads; // the plain function, before a wrapper takes its place

const settings = settingsOf(import.meta.url);
const { trace, counts: path, name, thread, since = now(), detailed } = settings;

followChildren(); // first, so that their own arguments are recorded, and not ours

try {
  begin();
} catch (error) {
  endRecording(error);
}
followWorkers();

function begin() {
  const counts = path === undefined ? undefined : openCounts(path);
  if (trace !== undefined) {
    const record = trace === ""
      ? recordOnStderr(since, thread && `[${thread}] `)
      : recordInFile(trace);
    const places = detailed && new Places(record, gettid());
    traceCalls(record, counts, places);
    traceSignals(record);
    traceCoroutines(record, places);
    traceClients(record, detailed);
  } else if (counts) countCalls(counts);
}

function recordInFile(path: string): Recorder {
  const log = new Log(path, thread === undefined);
  if (thread === undefined) log.write(jsonHeader(name));
  log.write(jsonLine(nameEvent("thread_name", gettid(), thread ?? name)));
  let failed = false;
  return (event) => {
    if (failed) return;
    try {
      log.write(jsonLine(event));
    } catch (error) {
      failed = true;
      if (thread === undefined) endRecording(error);
      reportFailure(error);
    }
  };
}

/** Puts `--preload` into the command line of each Deno that is started with posix_spawn. */
function followChildren() {
  let count = 0;
  replace("posix_spawn", (original) => (...args) => {
    // The path and the arguments are in one block, see shared/linux/process.ts.
    const texts = new TextDecoder().decode(args[1]).split("\0");
    if (texts[2] !== "run") return original(...args);
    const own = { ...settings, thread: `process ${++count}`, since };
    const preload = ["--preload", withSettings(new URL(import.meta.url), own)];
    const block = new TextEncoder().encode(texts.toSpliced(3, 0, ...preload).join("\0"));
    return original(...args.with(1, block).with(4, addressesIn(block)));
  });
}

/**
 * Deno preloads nothing in Workers. So each is started with a module that imports this one, and
 * then the Worker's own. Neither of the two that come first waits while it is loaded (`await` at
 * its top level), or messages could arrive before the Worker's own module has set `onmessage`.
 */
function followWorkers() {
  let count = 0;
  globalThis.Worker = class Worker extends globalThis.Worker {
    constructor(script: string | URL, options?: WorkerOptions) {
      const number = thread === undefined ? `${++count}` : `${thread.slice(7)}.${++count}`;
      const own = { ...settings, thread: `thread ${number}`, since };
      const modules = [withSettings(new URL(import.meta.url), own), script];
      const code = modules.map((url) => `import ${JSON.stringify(String(url))};`).join("\n");
      super(`data:text/javascript,${encodeURIComponent(code)}`, options);
    }
  };
}
