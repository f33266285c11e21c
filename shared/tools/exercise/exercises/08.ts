/**
 * The exercises of lesson 08.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "08.1",
    title: "The first one is always served",
    story: "With one customer, everything is in order. With two, the one that came first is " +
      "served, and the other one waits until the first has left.",
    question: {
      asks: "SIGIO arrives. What does the signal say?",
      answers: [
        "on which descriptor something has happened",
        "that something has happened somewhere",
        "how many descriptors are ready",
      ],
      correct: 1,
    },
    script: "08-signal-driven/server.ts",
    changes: [
      [
        `  for (const connection of connections.values()) more = drain(connection) || more;
`,
        `  const [connection] = connections.values();
  if (connection !== undefined) more = drain(connection);
`,
      ],
      [
        "a signal, SIGIO, when something happens. The signal does not say where, and several of " +
        `them can
 * become one, so the handler has to check every socket.
`,
        "a signal, SIGIO, when something happens.\n",
      ],
    ],
    foundBy: "serves 20 clients while two others are silent",
    says: /still waiting/,
    explained: /it has to read every socket until EAGAIN/,
    limit: 2500,
    hints: [
      "The signals arrive, and `look` runs. Which sockets does it look at?",
      "Two sockets receive something at the same time, and one signal arrives. For which of the " +
      "two was it?",
      "`look` takes the first of `connections.values()`: `drain` all of them.",
    ],
    explanation: "SIGIO carries no descriptor, and signals of the same kind coalesce: while one " +
      "is pending, the next one is dropped. So a signal says no more than that something has " +
      "happened since the last one, and the handler has to look everywhere.",
  },
  {
    id: "08.2",
    title: "In jerks",
    story: "Short messages are answered at once. Long ones come back in jerks, ten a second, as " +
      "if a clock had to push them on.",
    question: {
      asks: "Three pieces arrive in a socket, one right after another. How many signals are there?",
      answers: [
        "one, two or three",
        "three: one for each piece",
        "one for each read that is needed",
      ],
      correct: 0,
    },
    script: "08-signal-driven/server.ts",
    changes: [
      [
        "/** Reads until EAGAIN, since there may have been several events. Returns whether " +
        "there is more. */\n",
        "/** Serves a client. Returns whether it has to be served again. */\n",
      ],
      [
        `  for (let turn = 0; want === READ; turn++) {
    if (turn === 16) return true; // the other clients have their turn first
    const length`,
        `  if (want === READ) {
    const length`,
      ],
    ],
    foundBy: "serves others while one client does not read",
    says: /still waiting/,
    limit: 5000,
    hints: [
      "The jerks come from the timer of the script. Without it, the rest would never be read.",
      "The signal says that something has arrived, not how much. How does the server find out " +
      "when nothing is left?",
      "`drain` reads once: repeat `tryRecv` until `-EAGAIN`, and after some turns return true, " +
      "so that `look` comes back when the others have had theirs.",
    ],
    explanation:
      "There may be one signal for many pieces, and there is none for what is left. So " +
      "one signal is a reason to read until EAGAIN, as with edge-triggered epoll. A client that " +
      "never stops must not hold up the others: after 16 reads, they have their turn.",
  },
  {
    id: "08.3",
    title: "Busy mornings",
    story: "With a customer now and then, all goes well. When many write in the same moment, " +
      "some of them never hear back.",
    question: {
      asks: "20 clients write at the same time. How many signals does one read from a signalfd " +
        "return?",
      answers: [
        "one: the next read returns the next one",
        "one for each client",
        "as many as are pending, if there is room for them",
      ],
      correct: 2,
    },
    script: "08-signal-driven/queued.ts",
    changes: [
      [
        `  for (let i = 0; i < count; i++) {
    // By now the descriptor may belong to a newer client, which does no harm.
    const connection = connections.get(infos.fd(i));
    if (infos.signal(i) === SIGIO) everywhere = true;
    else if`,
        `  if (count > 0) {
    // By now the descriptor may belong to a newer client, which does no harm.
    const connection = connections.get(infos.fd(0));
    if (infos.signal(0) === SIGIO) everywhere = true;
    else if`,
      ],
    ],
    foundBy: "accepts hundreds of clients that connect at once",
    says: /still waiting|the end of the input|did not close the connection/,
    limit: 6000,
    hints: [
      "No signal is lost on its way: they are queued, and read. What happens to them then?",
      "`readSignals` returns how many signals it has read, and they are gone from the queue.",
      "Only the signal with index 0 is handled: go through all of them, up to `count`.",
    ],
    explanation:
      "A real-time signal is queued, and names its descriptor. One read takes all that " +
      "are pending, 64 here at the most, and none of them comes again. So each has to be " +
      "handled; what is left out is as lost as a SIGIO that has coalesced.",
  },
];
