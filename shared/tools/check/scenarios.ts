/**
 * What every server has to withstand, whatever its model, and what some of them do besides.
 *
 * @module
 */

import type { Scenario } from "./scenario.ts";
import { chat } from "./scenarios/chat.ts";
import { clients } from "./scenarios/clients.ts";
import { computing } from "./scenarios/computing.ts";
import { lifecycle } from "./scenarios/lifecycle.ts";
import { lifetime } from "./scenarios/lifetime.ts";
import { limits } from "./scenarios/limits.ts";
import { protocol } from "./scenarios/protocol.ts";
import { sharing } from "./scenarios/sharing.ts";
import { supervision } from "./scenarios/supervision.ts";
import type { Subject } from "./server.ts";

/** The scenarios for every server. */
export const scenarios: readonly Scenario[] = [...protocol, ...clients, ...limits, ...lifecycle];

/** What some servers promise besides, by their names. */
const OWN: Record<string, readonly Scenario[]> = {
  "19 processes": supervision,
  "20 loop-per-core": sharing,
  "20 loop-per-core shared": sharing,
  "20 loop-per-core handing": sharing,
  "21 computing offload": computing,
  "22 lifetime": lifetime,
  "23 chat": chat,
  "23 chat room": chat,
};

/** The scenarios for a server: those for every server, and its own. */
export function scenariosFor({ name }: Pick<Subject, "name">): readonly Scenario[] {
  return [...scenarios, ...OWN[name] ?? []];
}
