/**
 * What all servers have in common besides the protocol: their options, and one line for a server
 * that cannot start.
 *
 * @module
 */

import type { SystemError } from "./linux/errno.ts";
import type { Address } from "./linux/socket.ts";
import { HOST, number, type Options, parseOptions, type Values } from "./options.ts";

/** What a server's command line gives it, besides options of its own. */
export interface ServerOptions extends Address {
  /** How many clients it serves before it ends. */
  connections: number;
}

/**
 * Reads a server's command line: `--host`, `--port`, `--connections`, `--help`, and the options of
 * its own. From here on, a failed system call that nobody handles, such as a bind to a port that is
 * taken, ends the script with exit code 1 and one line that says what to do.
 */
export function serverOptions<Extra extends Options = Record<never, never>>(
  extra: Extra = {} as Extra,
): ServerOptions & Values<Extra> {
  const options = parseOptions<Options>({
    host: HOST,
    port: number(8080, "port to listen on; 0 lets the kernel choose", 0, 65535),
    connections: number(Infinity, "end after N clients have come and gone", 1),
    ...extra,
  }) as ServerOptions & Values<Extra>;
  addEventListener("unhandledrejection", ({ reason }) => {
    // Any other error is a bug in the script, which needs its stack trace.
    if (reason?.code === undefined && !(reason instanceof Deno.errors.NotSupported)) return;
    console.error(explain(reason, options));
    Deno.exit(1);
  });
  return options;
}

/**
 * Ends the script with one line if it may not read a module that its Workers will load. Otherwise
 * the first client would find out, and only the thread's stack trace would explain it.
 */
export function requireRead(module: URL): void {
  if (Deno.permissions.requestSync({ name: "read", path: module }).state === "granted") return;
  console.error("starting a Worker needs a permission: run it again with --allow-read");
  Deno.exit(1);
}

function explain(error: SystemError, { host, port }: Address): string {
  // The errors of Deno's own listen do not name the call.
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
