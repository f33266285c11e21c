/**
 * What all servers have in common besides the protocol: their options, and one line for a server
 * that cannot start.
 *
 * @module
 */

import type { Address } from "./linux/socket.ts";
import { HOST, number, type Options, parseOptions, type Values } from "./options.ts";

/** Where a server listens, and how many clients it serves before it ends. */
export type ServerOptions = Address & { connections: number };

/**
 * Reads a server's command line, with options of its `own`. From here on, a failed system call that
 * nothing handles, such as a bind to a taken port, is one line of advice and exit code 1.
 */
export function serverOptions<Own extends Options = Record<never, never>>(
  own = {} as Own,
): ServerOptions & Values<Own> {
  const options = parseOptions({
    host: HOST,
    port: number(8080, "port to listen on; 0 lets the kernel choose", 0, 65535),
    connections: number(Infinity, "end after N clients have come and gone", 1),
    ...own,
  });
  addEventListener("unhandledrejection", ({ reason }) => {
    // Any other error is a bug in the script, which needs its stack trace.
    if (reason?.code === undefined && !(reason instanceof Deno.errors.NotSupported)) return;
    const { host, port } = options;
    const hints: Record<string, string> = {
      EADDRINUSE: `port ${port} of ${host} is taken: choose another with --port, or 0 for any`,
      EACCES: `port ${port} is reserved for root: choose one from 1024 on with --port`,
      EADDRNOTAVAIL: `${host} is not an address of this machine: choose another with --host`,
    };
    // The errors of Deno's own listen do not name the call.
    const isOfBind = (reason.syscall ?? "bind") === "bind";
    console.error(isOfBind && hints[reason.code] || reason.message);
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
