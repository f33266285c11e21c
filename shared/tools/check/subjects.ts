/**
 * The servers of the catalogue, as what is put to the test.
 *
 * @module
 */

import { servers } from "../lesson/catalogue.ts";
import { IoUring } from "../../linux/io_uring/ring.ts";
import type { Subject } from "./server.ts";

/** Every server, in every variant. */
export const subjects: readonly Subject[] = servers;

/** Why a server cannot be had on this machine; undefined if it can. */
export function unavailable({ needsIoUring }: Pick<Subject, "needsIoUring">): string | undefined {
  if (!needsIoUring) return undefined;
  try {
    new IoUring()[Symbol.dispose]();
  } catch (error) {
    return (error as Error).message;
  }
}
