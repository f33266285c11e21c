/**
 * The selector that a program takes when it does not care which.
 *
 * @module
 */

import { EpollSelector } from "./epoll.ts";
import type { SelectorClass } from "./selector.ts";

/** The best selector of the machine: on Linux, the one over epoll. */
export const DefaultSelector: SelectorClass = EpollSelector;
