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
import { supervision } from "./scenarios/supervision.ts";
import type { Subject } from "./server.ts";

/** The scenarios for every server. */
export const scenarios: readonly Scenario[] = [...protocol, ...clients, ...limits, ...lifecycle];

/** The scenarios for a server, which are more for one that has processes. */
export function scenariosFor({ processes }: Pick<Subject, "processes">): readonly Scenario[] {
  return processes ? [...scenarios, ...supervision] : scenarios;
}
