/**
 * The recorder for a script that may not call libc: records what its clients and coroutines
 * publish. See `recorder.ts`.
 *
 * @module
 */

import { traceClients } from "./clients.ts";
import { traceCoroutines } from "./coroutines.ts";
import { recordOnStderr } from "./events.ts";
import { openTrace } from "./file.ts";
import { Places } from "./places.ts";
import { settingsOf } from "./settings.ts";

const { trace, name, detailed } = settingsOf(import.meta.url);
if (trace !== undefined) {
  const record = trace === ""
    ? recordOnStderr(1000 * performance.timeOrigin)
    : openTrace(trace, name);
  traceCoroutines(record, detailed && new Places(record, 0));
  traceClients(record, detailed);
}
