/**
 * The exercises of lesson 13.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "13.1",
    title: "A guest who says nothing",
    story:
      "While all guests talk, each of them is answered. As soon as one of them sits there and " +
      "says nothing, nobody else is asked what they would like.",
    question: {
      asks: "The first client connects and says nothing. What becomes of the second?",
      answers: [
        "it is refused",
        "it is connected, and waits until the first one has gone",
        "it is served: a coroutine that waits holds up no other",
      ],
      correct: 1,
    },
    script: "13-event-loop/server.ts",
    changes: [
      [`import { createTask } from "./tasks.ts";\n`, ""],
      [
        "      createTask(handle(connection), `serve-${connection}`);\n",
        "      yield* handle(connection);\n",
      ],
    ],
    foundBy: "serves 20 clients while two others are silent",
    says: /still waiting/,
    limit: 3000,
    hints: [
      "The server accepts one client, and then no other. Where does `acceptAll` wait meanwhile?",
      "`yield*` lets a coroutine wait for another one to end. Does `acceptAll` want to know how " +
      "`handle` ends?",
      "`yield* handle(connection)` serves one client to its end before the next is accepted: " +
      "start it with `createTask`, and go on.",
    ],
    explanation:
      "With yield*, a coroutine calls another and waits for its result: one after the other, in " +
      "one task. Whatever is to run beside the others needs a task of its own, which the loop " +
      "resumes by itself. Python has the same pair: `await handle()` and " +
      "`create_task(handle())`.",
  },
  {
    id: "13.2",
    title: "Somebody else's letter",
    story: "Most customers are content. A few of those with slow links find pieces of other " +
      "people's letters in the middle of their own.",
    question: {
      asks: "Who receives bytes that belong to somebody else?",
      answers: [
        "two clients that send at the same moment",
        "a client that does not read its reply at once",
        "a client whose descriptor had another client's number",
      ],
      correct: 1,
    },
    script: "13-event-loop/smallest.ts",
    changes: [
      ["let served = 0;\n", "const buffer = new Uint8Array(64 * 1024);\nlet served = 0;\n"],
      [
        `
  const buffer = new Uint8Array(64 * 1024); // of its own: others run between recv and send
`,
        "\n",
      ],
    ],
    foundBy: "serves others while one client does not read",
    says: /byte \d+ of the reply is/,
    hints: [
      "The bytes are correct when they arrive. What happens between `tryRecv` and the last " +
      "`trySend` of the same client?",
      "If a socket is full, the coroutine stops at `EVENT_WRITE`, and others run. What do these " +
      "write to?",
      "`const buffer` belongs to all clients, and some of its bytes have not been sent yet when " +
      "the next client's arrive: each `serve` needs its own.",
    ],
    explanation: "Coroutines need no locks, unless something that they share is in use across a " +
      "wait. Between recv and the last send there is a wait, but only when a socket is full, so " +
      "the fault hides until a client reads slowly. A buffer for each client is safe. The server " +
      "of this lesson shares one all the same: its sendAll copies what is left before it waits.",
  },
  {
    id: "13.3",
    title: "The job that failed",
    story:
      "A service runs for months, and starts a small job now and then. Some of them have not " +
      "been done. The log is empty, and the service runs.",
    question: {
      asks: "A task fails, and nobody waits for it. What becomes of its error?",
      answers: [
        "it ends the loop, and run throws it",
        "it is reported",
        "nobody ever sees it",
      ],
      correct: 2,
    },
    script: "13-event-loop/event_loop.ts",
    changes: [["    for (const future of this.failed) report(future);\n", ""]],
    foundBy: "reports the error of a task that nobody waits for",
    says: /it reported nothing/,
    hints: [
      "A future that fails puts itself on one of two lists of the loop. Who reads them?",
      "`unretrieved` is read at the end of each round of the loop. What about `failed`, in which " +
      "nobody was waiting?",
      "At the end of `round`, next to `this.unretrieved.size`: `report` everything that is in " +
      "`failed`.",
    ],
    explanation: "An error has to go somewhere: to the coroutine that waits for the task, or, if " +
      "there is none, to stderr. The loop waits until the end of the round in which it failed, " +
      "since somebody may ask for it until then. asyncio reports it when the garbage collector " +
      "finds the task, which may be much later, and does not happen while the program keeps a " +
      "reference to it.",
  },
  {
    id: "13.4",
    title: "The late answer",
    story:
      "A machine asks its customers something, and gives up when there is no answer within a " +
      "minute. When the answer comes after that, its fan starts to whir, and does not stop.",
    question: {
      asks: "A coroutine gives up waiting for a socket. Then bytes arrive. Who takes notice?",
      answers: [
        "nobody: the socket is not watched any more",
        "the loop, once",
        "the loop, again and again",
      ],
      correct: 2,
    },
    script: "13-event-loop/event_loop.ts",
    changes: [[
      `    let unwanted = 0;
    if (ready & EVENT_READ && !wake(registration.readable)) unwanted |= EVENT_READ;
    if (ready & EVENT_WRITE && !wake(registration.writable)) unwanted |= EVENT_WRITE;
    // The selector would report it again and again, although no coroutine waits for it.
    if (unwanted !== 0) this.#register(registration, registration.events & ~unwanted);
`,
      `    if (ready & EVENT_READ) wake(registration.readable);
    if (ready & EVENT_WRITE) wake(registration.writable);
`,
    ]],
    foundBy: "sleeps although bytes have come for which nobody waits any more",
    says: /select was called \d{3,} times/,
    hints: [
      "All coroutines sleep, and `select` returns at once, thousands of times. What does it " +
      "report?",
      "A descriptor stays registered after a wait. What does `wake` return if the coroutine has " +
      "given up meanwhile?",
      "`if (ready & EVENT_READ) wake(registration.readable)` ignores whether anybody was woken. " +
      "If nobody was, `#register` the descriptor without that event.",
    ],
    explanation: "A level-triggered selector reports a descriptor for as long as there is " +
      "something to read. If nobody is there to read it, each select returns at once, and the " +
      "loop spins. So the loop may leave a descriptor registered between two waits, which saves " +
      "system calls, but has to take it out once it is reported and nobody wants it.",
  },
  {
    id: "13.5",
    title: "A waiter for all tables",
    story: "The guests come in, and take their seats. Nobody comes.",
    question: {
      asks: "One coroutine sleeps for 100 ms, and ten wait for sockets. How long may select wait?",
      answers: [
        "100 ms at the most",
        "until a socket is ready",
        "not at all: it must look at the time again and again",
      ],
      correct: 0,
    },
    script: "13-event-loop/smallest.ts",
    changes: [[
      [
        `
  // The only call that waits. It ends when a descriptor is ready, or when the next sleeper is due.
`,
        "  for (let due; (due = sleepers.takeDue(performance.now()));) resume(due.item);\n",
      ],
      `
  // Write the loop. selector.select(timeout) waits for so many milliseconds at the most, or
  // without a limit if that is undefined. It returns a list: the fd of each descriptor that is
  // ready, with the coroutine as its data. sleepers.next is the first sleeper, and takeDue takes
  // one out that is due. resume runs a coroutine, and registers what it waits for next.
`,
    ]],
    foundBy: "answers 20 clients at once",
    says: /still waiting/,
    limit: 3000,
    hints: [
      "Three things happen in each round: wait, resume who is ready, resume who is due.",
      "`resume` registers a descriptor anew, which must not be registered at that time. What has " +
      "to be done before?",
      "`sleepers.next.time - performance.now()` is the time until the first sleeper is due; then " +
      "`selector.unregister(fd)` and `resume(coroutine)` for each that is ready; then the same " +
      "`resume` for whatever `takeDue` returns.",
    ],
    explanation: "This is the whole of an event loop. One call waits for everything: for all " +
      "descriptors, and through its timeout for the first sleeper. Whatever it reports says " +
      "which coroutine can go on, and the place where that one stopped says what comes next, so " +
      "no table of states is needed.",
    fromScratch: true,
  },
  {
    id: "13.6",
    title: "All of them together",
    story: "Three questions are asked, and three answers come. The coroutine that wanted all " +
      "three of them still waits, until the loop finds that nothing can move any more.",
    question: {
      asks: "gather waits for two coroutines, and the first of them fails. What about the second?",
      answers: [
        "it is cancelled",
        "it goes on, and its result is dropped",
        "gather waits for it, and fails then",
      ],
      correct: 1,
    },
    script: "13-event-loop/tasks.ts",
    changes: [[
      ["  const outer = new Future<unknown[]>();\n", "  if (missing === 0) outer.setResult([]);\n"],
      `  const outer = new Future<unknown[]>();
  // Write the rest. ensureFuture makes a task of each coroutine; addDoneCallback calls a function
  // when one of them is done; errorOf and outcomeOf return what came of it. outer gets either all
  // results (setResult) or the first error (setException). Its cancel cancels them all, and leaves
  // it to them to end; it then fails with a CancelledError.
`,
    ]],
    foundBy: "gather gives all results, in the order in which it was given the coroutines",
    says: /^all tasks wait, and nothing is left/,
    hints: [
      "Count: `outer` is done when none is missing any more, or when the first of them has failed.",
      "The results are wanted in the order in which the coroutines were given, and not in that " +
      "in which they end. So keep the futures in a list, and ask them when all are done.",
      "`child.addDoneCallback(onDone)` for each; in `onDone`: if `outer.done()`, nothing; if " +
      "there is an error and not `returnExceptions`, `outer.setException(error)`; if none is " +
      "missing, `outer.setResult(children.map(outcomeOf))`.",
    ],
    explanation: "There is no magic in gather: it is a future, a counter, and a callback for " +
      "each of those it waits for. Three cases are easy to forget: an empty list is done at " +
      "once; after the first error, the others end without anybody asking, so their errors have " +
      "to be taken as well; and a gather that is cancelled is not done before those that it " +
      "cancels are, since their finally blocks may have to wait for something.",
    fromScratch: true,
  },
];
