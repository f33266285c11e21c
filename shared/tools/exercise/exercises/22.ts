/**
 * The exercises of lesson 22.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "22.1",
    title: "Ten minutes to ten",
    story:
      "The contract promises every customer 300 ms of silence before the connection is closed. " +
      "One in a few complains that it was closed after 290.",
    question: {
      asks:
        "Time is cut into ticks of 20 ms. A timer for the 1,005th millisecond is due at a tick. " +
        "At which one?",
      answers: [
        "at 1,000, which is nearer",
        "at 1,020: late is allowed, early is not",
        "at either: a wheel is coarse",
      ],
      correct: 1,
    },
    script: "../shared/timing_wheel.ts",
    changes: [
      [' * wheel.add(1005, "tea");\n', ' * wheel.add(1000, "tea");\n'],
      ["wheel.takeDue(1019)", "wheel.takeDue(999)"],
      ["wheel.takeDue(1020)", "wheel.takeDue(1000)"],
      [
        ` No timer is due before its time, or a
 * whole tick after it. The order`,
        `
 * The order`,
      ],
      ["Math.ceil(time / this.tick)", "Math.floor(time / this.tick)"],
    ],
    foundBy: "takes out no timer before its time",
    says: /was taken out at \d+/,
    hints: [
      "Some times are a whole number of ticks, and most are not. What happens to the rest?",
      "A limit is a promise: not before. Which way does a time have to be rounded?",
      "`Math.floor(time / this.tick)` is the tick before the time. The tick behind it is " +
      "`Math.ceil`.",
    ],
    explanation:
      "A time that is rounded to ticks is wrong by a part of one, in one direction or the " +
      "other. Rounded down, a timer is up to a tick early, and a client is closed that has kept " +
      "to its time. Rounded up, it is late by less than a tick, which nobody has been promised " +
      "not to happen.",
  },
  {
    id: "22.2",
    title: "A seat that is still warm",
    story:
      "At night, every customer may be silent for as long as promised. In the busy hours, some " +
      "are thrown out much too early, and always shortly after another one has left.",
    question: {
      asks: "A client leaves after 300 of its 600 ms, and the next one connects at once. When is " +
        "that one closed, if it is silent?",
      answers: [
        "after 600 ms of its own",
        "never: its timer was taken away with the first client",
        "about 300 ms after it has come",
      ],
      correct: 2,
    },
    script: "22-lifetime/clients.ts",
    server: "22 lifetime",
    changes: [
      [
        `The timer has the client itself: the number of its descriptor will be somebody else's. */
  timer: WheelTimer<Connection>;
`,
        `Its timer. */
  timer: WheelTimer<number>;
`,
      ],
      ["new TimingWheel<Connection>(TICK)", "new TimingWheel<number>(TICK) /* descriptors */"],
      ["this.#wheel.add(Infinity, connection)", "this.#wheel.add(Infinity, connection.fd)"],
      [
        `  /** A client goes, and its timer must go with it. */
  delete({ fd }: Connection): void {
    this.#wheel.delete(this.#visits.get(fd)!.timer);
`,
        `  /** A client goes. */
  delete({ fd }: Connection): void {
`,
      ],
      ["    return late;\n", "    return late.flatMap((fd) => this.get(fd) ?? []);\n"],
    ],
    foundBy: "does not close a client for the silence of the one that had its descriptor before",
    says: /closed [\d.]+ ms too early/,
    explained: /the timer of one that has gone/,
    limit: 10_000,
    hints: [
      "The second client has a timer of its own. Which other timer is still on the wheel?",
      "A timer knows its client by a number. To whom does the kernel give that number next?",
      "`delete({ fd }: Connection)` leaves the timer on the wheel: `this.#wheel.delete` takes it " +
      "away. And a `TimingWheel<Connection>` cannot mistake one client for another.",
    ],
    explanation:
      "The kernel gives a new connection the lowest free number, so the next client often has " +
      "the one that was just closed. A timer that is left behind then finds somebody under its " +
      "number, and closes it. Timers go with what they are for, and they point to the thing " +
      "itself and not to its number.",
  },
  {
    id: "22.3",
    title: "Cut off at closing time",
    story: "Each update of the server costs some customers the end of their download. Those with " +
      "slow links are hit the most. The server ends in good order, with exit code 0.",
    question: {
      asks: "SIGTERM comes while a client is reading a large reply slowly. When may the server " +
        "close that connection?",
      answers: [
        "at once: the kernel sends what is left",
        "when the client has been silent for a moment",
        "when all of the reply has been sent, or when --grace is over",
      ],
      correct: 2,
    },
    script: "22-lifetime/clients.ts",
    server: "22 lifetime",
    changes: [["!hasSpoken || connection.unsent > 0", "!hasSpoken"]],
    foundBy: "ends on SIGTERM, but sends the replies that it owes before",
    says: /the reply ended|reset/i,
    explained: /bytes that it has not sent/,
    limit: 10_000,
    hints: [
      "After SIGTERM, a client is closed when it has been silent for `QUIET`. What else could " +
      "that silence mean?",
      "A client that reads slowly sends nothing, and its socket has no room. So no bytes move, " +
      "and still it is owed some.",
      "`const isInTheMiddle = !hasSpoken` forgets those with `connection.unsent > 0`.",
    ],
    explanation:
      "A graceful end is more than a pause: the server has to know which clients are done. One " +
      "that has its reply and is silent is done. One with unsent bytes is not, however silent " +
      "it is. And --grace limits all of it, since a client may never read.",
  },
  {
    id: "22.4",
    title: "Write the tick of the timing wheel",
    story: "Nobody is ever thrown out: silent customers stay until the server has no descriptor " +
      "left.",
    question: {
      asks: "A wheel has 512 slots, and a timer is due in 600 ticks. Where is it?",
      answers: [
        "in the slot of tick 88, where it is passed over once",
        "in a second wheel, for what is far away",
        "in no slot before 88 ticks have passed",
      ],
      correct: 0,
    },
    script: "../shared/timing_wheel.ts",
    changes: [[
      ["    const due: Item[] = [];\n", "    return due;\n"],
      `    // To be written. The last tick that begins by now is Math.floor(now / this.tick), and
    // this.#now is the one up to which all has been taken out before: go through the slots of the
    // ticks in between (and through none of them twice, however long it has been). A slot is a
    // circle: it begins behind its head, and ends when the head comes again. What is due at a later
    // turn of the wheel stays where it is. this.delete takes a timer out of its slot, and with it
    // what leads to the next one.
    return [];
`,
    ]],
    foundBy: "takes out every timer within a tick of its time",
    says: /was not taken out/,
    hints: [
      "See how `move` puts a timer into a slot. What you write is the way back.",
      "A slot has timers of several turns: compare the tick of each. And take the next one " +
      "before you delete a timer.",
      "`const head = this.#slots[tick % SLOTS]` is the slot of a tick; begin at " +
      "`Math.max(this.#now + 1, last - SLOTS + 1)`, and set `this.#now = last` at the end.",
    ],
    explanation:
      "A tick looks at one slot, so its cost does not depend on how many timers there are " +
      "elsewhere. After a long sleep it looks at each slot once, since a whole turn has seen " +
      "them all. The next timer is taken before one is deleted, which forgets its neighbours.",
    fromScratch: true,
  },
  {
    id: "22.5",
    title: "The last ones through the door",
    story:
      "Whenever the server is restarted in the rush hour, some customers see connection reset. " +
      "They had connected just before, and had not been served yet.",
    question: {
      asks:
        "A client is connected, and nobody has accepted it. The listener is closed. What does " +
        "the client see?",
      answers: [
        "its connection is reset",
        "nothing: it waits for the next server on that port",
        "an orderly end, without a byte",
      ],
      correct: 0,
    },
    script: "22-lifetime/server.ts",
    changes: [[
      "  while (acceptOne()); // those in the queue are connected already, and would be reset\n",
      "",
    ]],
    foundBy: "serves the clients that were connected when SIGTERM came, and refuses others",
    says: /reset|the reply ended|broken pipe/i,
    explained: /accept them first/,
    limit: 10_000,
    hints: [
      "The handshake is the kernel's business. Where is a client between that and accept?",
      "The queue belongs to the listener, and goes with it. What has to happen before?",
      "Before `listener.close()`, call `acceptOne` until it returns false.",
    ],
    explanation:
      "Clients in the queue of a listener are connected, and may have sent something. When " +
      "the last descriptor of the listener is closed, the kernel resets them. So a server that " +
      "ends accepts all that are there, and only then closes the listener. Those that come later " +
      "are refused, and know that nothing was done for them.",
  },
];
