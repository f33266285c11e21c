/**
 * io_uring for the experiments, which not every machine allows.
 *
 * @module
 */

import { IoUring } from "../../shared/linux/io_uring.ts";
import { conclude } from "./verdict.ts";

/** Makes the rings; where that cannot be, ends the experiment with the reason. */
export function makeRing(id: string): IoUring {
  try {
    return new IoUring();
  } catch (error) {
    conclude(id, [], `not measured: ${(error as Error).message}`);
    Deno.exit();
  }
}
