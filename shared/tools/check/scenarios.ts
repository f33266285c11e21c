/**
 * What every server has to withstand, whatever its model.
 *
 * @module
 */

import type { Scenario } from "./scenario.ts";
import { clients } from "./scenarios/clients.ts";
import { lifecycle } from "./scenarios/lifecycle.ts";
import { limits } from "./scenarios/limits.ts";
import { protocol } from "./scenarios/protocol.ts";

/** All scenarios. */
export const scenarios: readonly Scenario[] = [...protocol, ...clients, ...limits, ...lifecycle];
