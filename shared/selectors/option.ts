/**
 * The option `--selector`, which chooses what waits for the sockets.
 *
 * @module
 */

import type { Option } from "../options.ts";
import { DefaultSelector } from "./default.ts";
import { EpollSelector } from "./epoll.ts";
import { PollSelector } from "./poll.ts";
import { SelectSelector } from "./select.ts";
import type { SelectorClass } from "./selector.ts";

const CLASSES: Record<string, SelectorClass> = {
  select: SelectSelector,
  poll: PollSelector,
  epoll: EpollSelector,
};

/** A selector's name; without it, the best one. */
export const SELECTOR: Option<SelectorClass> = {
  type: "string",
  placeholder: Object.keys(CLASSES).join("|"),
  help: "what waits for the sockets; the best, unless given",
  initial: DefaultSelector,
  takes: `one of ${Object.keys(CLASSES).join(", ")}`,
  parse: (text) => Object.hasOwn(CLASSES, text) ? CLASSES[text] : undefined,
};
