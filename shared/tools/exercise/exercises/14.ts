/**
 * The exercises of lesson 14.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "14.1",
    title: "No answer, and no error",
    story:
      "The server takes what its clients send, byte for byte, and is ready for more. They do not " +
      "get an answer, and the log has nothing to say about it.",
    question: {
      asks: "A client sends a line, reads nothing, and closes. What does the server do?",
      answers: [
        "it serves the client to its end, as if all were well",
        "it waits for the client to read",
        "it ends the greenlet with an error",
      ],
      correct: 0,
    },
    script: "14-greenlets/server.ts",
    changes: [[
      `
      // If the client does not read its replies, this greenlet waits here and reads nothing more.
      yield* sendAll(connection, shout(buffer, length), length);
`,
      `
      sendAll(connection, shout(buffer, length), length);
`,
    ]],
    foundBy: "answers 20 clients at once",
    says: /the reply ended after 0 of \d+ bytes/,
    hints: [
      "The bytes arrive: a trace of the server shows a `recv` for each line. Which call is " +
      "missing behind it?",
      "What does a generator function do when it is called, and what does it leave for later?",
      "`sendAll(connection, shout(buffer, length), length)` makes a generator, and nothing runs " +
      "it: write `yield*` before it.",
    ],
    explanation: "In gevent, any function may switch, so a call is just a call. Here a function " +
      "that may wait is a generator: without yield* its first line does not run, and nothing " +
      "fails. The type checker does not object either, since nobody has to use what a call " +
      "returns. So this project has a rule for `deno lint`, delegation/yield-star, which finds " +
      "it.",
  },
  {
    id: "14.2",
    title: "Ten downloads",
    story: "A program starts ten downloads, and waits until all of them are there. Its fan is " +
      "loud, and none of the ten has begun.",
    question: {
      asks:
        "A greenlet asks again and again, in a loop, whether others have ended. When do these run?",
      answers: [
        "between two rounds of the loop",
        "when the hub interrupts it, after 5 ms",
        "never",
      ],
      correct: 2,
    },
    script: "14-greenlets/greenlet.ts",
    changes: [[
      `  const waiter = new Waiter();
  function note(greenlet: Greenlet) {
    finished.push(greenlet);
    if (finished.length === all.length) waiter.switch();
  }
  for (const greenlet of all) greenlet.rawlink(note);
  try {
    if (all.length > 0) yield* waiter.get(timeout);
`,
      `  function note(greenlet: Greenlet) {
    finished.push(greenlet);
  }
  for (const greenlet of all) greenlet.rawlink(note);
  const end = performance.now() + (timeout ?? Infinity);
  try {
    while (finished.length < all.length && performance.now() < end) {
      // not yet
    }
`,
    ]],
    foundBy: "joinAll waits until all have ended",
    says: /nothing moved any more/,
    limit: 2000,
    hints: [
      "The ten have been spawned, and `note` is called when one of them has ended. Who is to let " +
      "them begin?",
      "The hub resumes them, on the same thread, as soon as the greenlet that runs gives way to " +
      "it. Where does `joinAll` do that?",
      "`while (finished.length < all.length` computes, and does not wait: let a `Waiter` wait, " +
      "with `yield*`, which `note` wakes up when the last one has ended.",
    ],
    explanation:
      "Greenlets give way by themselves, or not at all: there is one thread, and while one of " +
      "them computes, the hub neither resumes another nor looks at a clock or a socket. Not even " +
      "a time limit helps, since it is the hub that would notice it. To wait means to say what " +
      "one waits for, and to give the thread away until then.",
  },
  {
    id: "14.3",
    title: "Interrupted later",
    story:
      "A question may take 50 ms, and is answered at once. A moment later, while the program " +
      "does something else, it is interrupted: time is up.",
    question: {
      asks: "A result comes before its time limit is reached. When does the limit end?",
      answers: [
        "when the result is there",
        "when its time is up, wherever the greenlet is by then",
        "when the variable that holds it is out of scope",
      ],
      correct: 1,
    },
    script: "14-greenlets/greenlet.ts",
    changes: [["    using _limit = this.dead ?", "    const _limit = this.dead ?"]],
    foundBy: "get ends its time limit when it returns",
    says: /it was interrupted afterwards: Timeout: 150 ms/,
    hints: [
      "The error says how long the limit was. Who has set one of this length?",
      "A `Timeout` begins when it is made. Who cancels it when it is no longer needed?",
      "`const _limit` leaves the limit running; another word ends it together with its block, on " +
      "every path.",
    ],
    explanation: "A time limit is a timer that throws into a greenlet, wherever that waits when " +
      "it fires. So it has to end with the block that it is meant for, whether that returns or " +
      "throws. `using` calls its Symbol.dispose at the end of the block, as `with` does in " +
      "Python; a variable that goes out of scope cancels nothing.",
  },
  {
    id: "14.4",
    title: "Two cooks, two orders",
    story:
      "Two cooks wait at the counter. Two orders come in at the same moment. One cook begins, " +
      "the other goes on waiting, with an order in front of them.",
    question: {
      asks:
        "Two greenlets wait in get, and two items are put in, one right after the other. Who runs?",
      answers: [
        "both, in the order in which they came",
        "the first one, which gets both items",
        "the first one, and the second when a third item comes",
      ],
      correct: 2,
    },
    script: "14-greenlets/queue.ts",
    changes: [[
      `
  /** Resumes greenlets that can go on: one that waits to put and one that waits to get, in turn. */
  #unlock(): void {
    for (let again = true; again;) {
      again = false;
      const [putter] = this.#putters;
      if (putter !== undefined && !this.full()) {
        const [waiter, item] = putter;
        this.#putters.delete(waiter);
        this.#items.push(item);
        waiter.switch();
        again = true;
      }
      const [getter] = this.#getters;
      if (getter !== undefined && !this.empty()) {
        this.#getters.delete(getter);
        getter.switch();
        again = true;
      }
    }
    this.#scheduled = false;
  }
`,
      `
  /** Resumes a greenlet that waits to put, and one that waits to get. */
  #unlock(): void {
    const [putter] = this.#putters;
    if (putter !== undefined && !this.full()) {
      const [waiter, item] = putter;
      this.#putters.delete(waiter);
      this.#items.push(item);
      waiter.switch();
    }
    const [getter] = this.#getters;
    if (getter !== undefined && !this.empty()) {
      this.#getters.delete(getter);
      getter.switch();
    }
    this.#scheduled = false;
  }
`,
    ]],
    foundBy: "wakes both of two that wait when two items come at once",
    says: /the items went to first=1$/,
    hints: [
      "Both items are in the queue, and both greenlets wait. Which function wakes them, and how " +
      "often is it called?",
      "The second `putNowait` finds `#scheduled` set, and relies on a call that is still to " +
      "come. What does that one do for it?",
      "`getter.switch()` is called once in `#unlock`, however many can go on: repeat it until " +
      "neither a `putter` nor a `getter` can.",
    ],
    explanation: "Two notifications have become one, which is fine if the one that comes does " +
      "the work of both. So a function that is notified looks at the state, and does all that " +
      "can be done, instead of one step for each notification. Condition variables, eventfd, " +
      "signals and edge-triggered epoll demand the same.",
  },
  {
    id: "14.5",
    title: "The ball game",
    story: "Two children throw a ball to each other, as fast as they can. Somebody has set an " +
      "alarm, and does not hear it until they are tired.",
    question: {
      asks: "A greenlet gives way with sleep(0), over and over. Do timers and sockets get a turn?",
      answers: [
        "yes, after each sleep(0)",
        "yes, but only after some milliseconds",
        "no, until it stops",
      ],
      correct: 2,
    },
    script: "14-greenlets/hub.ts",
    changes: [
      [
        `
/** How long callbacks may keep the hub from timers and sockets: gevent's switch interval. */
const SWITCH_INTERVAL = 5;
/** How many callbacks are called before it looks at the clock. */
const CHECK_COUNT = 50;
`,
        "\n",
      ],
      [
        `
   * Calls all callbacks, and those that they schedule. Looks at the clock after each 50 of them,
   * and stops after 5 ms.
   */
  #runCallbacks(): void {
    const callbacks = this.#callbacks;
    if (callbacks.length === 0) return;
    const end = performance.now() + SWITCH_INTERVAL;
    let called = 0;
    while (called < callbacks.length && !this.main.dead) {
      call(callbacks[called++], undefined);
      if (called % CHECK_COUNT === 0 && performance.now() >= end) break;
    }
    callbacks.splice(0, called);
`,
        `
   * Calls all callbacks, and those that they schedule.
   */
  #runCallbacks(): void {
    const callbacks = this.#callbacks;
    let called = 0;
    while (called < callbacks.length && !this.main.dead) call(callbacks[called++], undefined);
    callbacks.splice(0, called);
`,
      ],
    ],
    foundBy: "looks at the timers while a greenlet gives way again and again",
    says: /the alarm did not ring within 300000 turns/,
    hints: [
      "A greenlet that gives way with `sleep` and no time is called back by the hub. In which of " +
      "its three parts: callbacks, timers, or sockets?",
      "Each turn schedules the next one. How long is the list when `#runCallbacks` looks at it, " +
      "and when does it end?",
      "`while (called < callbacks.length` ends only when nobody schedules anything more: it has " +
      "to stop after some milliseconds, too.",
    ],
    explanation:
      "Giving way is not enough if there is no round: the hub has to get to its timers and " +
      "sockets as well. This one calls what the callbacks schedule in the same round, as gevent " +
      "does, but for 5 ms at the most. The loop of lesson 13, and asyncio, leave what is " +
      "scheduled meanwhile to the next round, which needs no clock.",
  },
  {
    id: "14.6",
    title: "The empty shelf",
    story: "A baker puts bread on a shelf for three loaves, and a customer takes it. Neither of " +
      "them waits: the customer runs away from an empty shelf, the baker from a full one.",
    question: {
      asks: "The shelf is empty, and two customers wait. One loaf comes. Who gets it?",
      answers: [
        "the first to come",
        "the last to come",
        "the first to run, once both were woken",
      ],
      correct: 0,
    },
    script: "14-greenlets/queue.ts",
    changes: [
      [
        [
          `
    if (!this.full()) return this.putNowait(item);
`,
          "    }\n",
        ],
        `
    // Write it. If there is no room: a new Waiter, which stands among this.#putters with its item
    // while it waits; its get(timeout) returns false if the time is up. #unlock takes it out there,
    // and puts its item in. If somebody waits to get, #schedule that.
    this.putNowait(item);
`,
      ],
      [
        [
          `
    if (!this.empty()) return this.getNowait();
`,
          "    return this.#items.shift()!;\n",
        ],
        `
    // Write it. If there is nothing: as above, but among this.#getters, and #unlock leaves it to
    // this function to take the item.
    return this.getNowait();
`,
      ],
    ],
    foundBy: "get waits until something is put in",
    says: /get did not wait, but threw Empty/,
    hints: [
      "Both have the same shape: if it can be done at once, do it; otherwise wait, and look at " +
      "what the wait returns.",
      "A `waiter` has to leave the list on every path: when it is served, when its time is up, " +
      "and when its greenlet is killed.",
      "`if (!(yield* waiter.get(timeout))) throw new Empty()` in a `try`, with " +
      "`this.#getters.delete(waiter)` in its `finally`; `put` is the same with `Full` and " +
      "`this.#putters`.",
    ],
    explanation: "A queue is a list of items and two lists of greenlets that wait, served in the " +
      "order in which they came. #unlock is called by the hub, and not by put itself, so no " +
      "greenlet runs in the middle of another one's put. And since each wait may end with a time " +
      "limit or a kill, the list is put in order in a finally block.",
    fromScratch: true,
  },
  {
    id: "14.7",
    title: "A hub that goes home",
    story: "The program starts its greenlets, and each of them begins. At its first wait, the " +
      "program ends, without a word.",
    question: {
      asks: "All greenlets wait: some for a time, some for a socket. What does the hub do?",
      answers: [
        "it asks each of them, in turn, whether it can go on",
        "it sleeps in epoll_wait, until the first timer at the latest",
        "it sleeps until the first timer, and then looks at the sockets",
      ],
      correct: 1,
    },
    script: "14-greenlets/hub.ts",
    changes: [[
      [
        `
    while (!main.dead) {
`,
        `      }
    }
`,
      ],
      `
    // Write the rounds, until main.dead. #runCallbacks calls what was scheduled. #poll waits for
    // sockets, until the first timer at the latest, and returns how many descriptors are ready: of
    // each of them, this.#events has the number and what happened, for #wake. timers.takeDue
    // returns a timer whose time has come, and call calls its item.
`,
    ]],
    foundBy: "resumes greenlets when their time has come",
    says: /the main greenlet did not come to its end/,
    hints: [
      "Each round has four steps: callbacks, `#poll`, timers, sockets.",
      "Any step may end the main greenlet, and nothing may run after that: look at `main.dead` " +
      "in each of them.",
      "For the sockets: `this.#wake(this.#events.fd(i), this.#events.events(i))`, with `i` from " +
      "0 to what `this.#poll()` has returned; for the timers: `timers.takeDue(now)` until there " +
      "is none.",
    ],
    explanation:
      "A hub is a loop like those of lessons 12 and 13, with one difference: the greenlets need " +
      "not know of it. They call a function that looks as if it blocked, and that function gives " +
      "way to the hub. Timers come before sockets, as in gevent, and what is scheduled for now " +
      "before both.",
    fromScratch: true,
  },
];
