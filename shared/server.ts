/**
 * What all servers have in common besides the protocol: their options, and how they end when they
 * cannot begin.
 *
 * @module
 */

import type { SystemError } from "./linux/errno.ts";
import type { Address } from "./linux/socket.ts";
import { HOST, number, type Options, parseOptions, text, TRACE } from "./options.ts";
import type { Values } from "./options.ts";
import { type Watch, watch } from "./tools/trace/watch.ts";

const SERVER = {
  host: HOST,
  port: number(8080, "port to listen on; 0 lets the kernel choose", 0, 65535),
  connections: number(Infinity, "end after N clients have come and gone", 1),
  countCalls: {
    ...text("", "count the system calls, in this file, while they are made"),
    placeholder: "FILE",
  },
  trace: TRACE,
};

/** What a server's command line gives it, besides options of its own. */
export interface ServerOptions extends Address {
  /** How many clients it serves before it ends. */
  connections: number;
  /** How its calls are watched, for threads that it starts. */
  watch: Watch;
}

/**
 * Reads a server's command line: `--host`, `--port`, `--connections`, `--count-calls`, `--trace`,
 * `--help`, and the options of its own. From here on, its calls are watched if that was asked for,
 * and a failed system call that nobody handles, such as a bind to a port that is taken, ends the
 * script with exit code 1 and one line that says what to do; so does a kernel that lacks something.
 */
export function serverOptions<Extra extends Options = Record<never, never>>(
  extra: Extra = {} as Extra,
): ServerOptions & Values<Extra> {
  const options = parseOptions<Options>({ ...SERVER, ...extra }) as
    & Values<typeof SERVER>
    & Values<Extra>;
  addEventListener("unhandledrejection", (event) => {
    const { reason } = event;
    // Any error that is not the system's is a fault of the script, and its stack trace is wanted.
    const ofSystem = /^E[A-Z0-9]+$/.test(reason?.code) ||
      reason instanceof Deno.errors.NotSupported;
    if (!ofSystem) return;
    console.error(explain(reason, options));
    Deno.exit(1);
  });
  return { ...options, watch: watch(options) };
}

/**
 * Ends the script with one line if it may not read a module that its Workers will load. Without it,
 * the failure would be the first client's, and the thread's stack trace the only explanation.
 */
export function requireRead(module: URL): void {
  if (Deno.permissions.requestSync({ name: "read", path: module }).state === "granted") return;
  console.error("starting a Worker needs a permission: run it again with --allow-read");
  Deno.exit(1);
}

function explain(error: SystemError, { host, port }: Address): string {
  // Deno's own listen does not say which call has failed.
  switch (error.syscall === "bind" || error.syscall === undefined ? error.code : "") {
    case "EADDRINUSE":
      return `port ${port} of ${host} is taken: choose another with --port, or 0 for any free one`;
    case "EACCES":
      return `port ${port} is reserved for root: choose one from 1024 on with --port`;
    case "EADDRNOTAVAIL":
      return `${host} is not an address of this machine: choose another with --host`;
    default:
      return error.message;
  }
}
