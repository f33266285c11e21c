/**
 * io_uring for the experiments. Not every machine allows it.
 *
 * @module
 */

import { IoUring } from "../../shared/linux/io_uring/ring.ts";
import { conclude } from "./verdict.ts";

/** Makes the rings. If that is impossible, ends the experiment with the reason as its verdict. */
export function makeRing(id: string): IoUring {
  try {
    return new IoUring();
  } catch (error) {
    conclude(id, [], `not measured: ${(error as Error).message}`);
    Deno.exit();
  }
}
