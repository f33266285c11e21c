/**
 * What the recorder is asked to do. It is written behind the question mark of its URL, since a
 * module has no other arguments of its own.
 *
 * @module
 */

import { allowWrite } from "../process/child.ts";

/** How the line on stderr begins that reports an incomplete record. */
export const RECORDER_FAILED = "the recorder failed: ";

/** How a script is recorded. */
export interface Settings {
  /** A file for Chrome trace events; empty for text on stderr, undefined for no trace. */
  trace?: string;
  /** A file in which system calls are counted; undefined if they are not. */
  counts?: string;
  /** The name of the process in the trace. */
  name: string;
  /** The name of the thread; undefined for the main thread. */
  thread?: string;
  /** When the main thread began, in microseconds since 1970; undefined for the main thread. */
  since?: number;
  /**
   * Whether the player will show it: where in the script each call is made, all descriptors that a
   * call waits for, and each piece that a client's socket takes or gives.
   */
  detailed?: true;
}

/** What `deno run --preload` is given for a script with these permissions. */
export function recorderUrl(permissions: readonly string[], settings: Settings): string {
  const module = mayCallLibc(permissions) ? "./recorder.ts" : "./recorder_without_libc.ts";
  return withSettings(new URL(module, import.meta.url), settings);
}

/**
 * The permissions that a script needs when it is recorded in the file `trace`, besides its own: one
 * that may not call libc writes the file through Deno.
 */
export function recorderPermissions(permissions: readonly string[], trace: string): string[] {
  return mayCallLibc(permissions) ? [] : [allowWrite(trace)];
}

/** Only a script that may call libc has calls that can be recorded. */
function mayCallLibc(permissions: readonly string[]): boolean {
  return ["-A", "--allow-all", "--allow-ffi"].some((option) => permissions.includes(option));
}

/** A module's URL with these settings. */
export function withSettings(module: URL, settings: Settings): string {
  const url = new URL(module);
  for (const [key, value] of Object.entries(settings)) {
    if (value !== undefined) url.searchParams.set(key, String(value));
  }
  return url.href;
}

/** Reads the settings of a module from its URL. */
export function settingsOf(module: string): Settings {
  const { searchParams } = new URL(module);
  const since = searchParams.get("since");
  return {
    trace: searchParams.get("trace") ?? undefined,
    counts: searchParams.get("counts") ?? undefined,
    name: searchParams.get("name") ?? "program",
    thread: searchParams.get("thread") ?? undefined,
    since: since === null ? undefined : Number(since),
    detailed: searchParams.has("detailed") ? true : undefined,
  };
}
