/**
 * Lesson 17 · What people say: C18, about SIGIO.
 *
 * Ten messages arrive while the signal is blocked, so it stays pending. How many signals are there
 * afterwards? Counts them with SIGIO, and with a real-time signal.
 *
 * Run:  deno run --allow-ffi lessons/17-claims/c18-signals.ts
 * Man:  signal(7), fcntl(2) (F_SETSIG), signalfd(2)
 */

import {
  readSignals,
  SIGIO,
  signalfd,
  SignalInfos,
  signalThread,
  SIGRTMIN,
} from "../../shared/linux/signal.ts";
import { send } from "../../shared/linux/socket.ts";
import { connectPairs } from "./pairs.ts";
import { conclude } from "./verdict.ts";

const MESSAGES = 10;
const [sigio, queued] = [SIGIO, SIGRTMIN].map(signalsFor);

conclude(
  "C18",
  [
    `${MESSAGES} messages, SIGIO: ${sigio} signal`,
    `${MESSAGES} messages, a real-time signal: ${queued} signals`,
  ],
  sigio < MESSAGES
    ? "false: SIGIO is pending at most once, however often it is sent; real-time signals queue"
    : "true: there were as many signals as messages",
);

function signalsFor(signal: number): number {
  const [{ client, server }] = connectPairs(1);
  const descriptor = signalfd(signal); // blocks the signal: from now on, it is pending until read
  signalThread(server, signal);
  for (let i = 0; i < MESSAGES; i++) send(client, new Uint8Array(1));
  return readSignals(descriptor, new SignalInfos(64));
}
