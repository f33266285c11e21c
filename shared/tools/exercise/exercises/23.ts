/**
 * The exercises of lesson 23.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "23.1",
    title: "I can hear myself",
    story:
      "Whatever people type in the room appears twice on their own screens. Nobody else sees " +
      "anything twice.",
    question: {
      asks: "Five people are in the room, and each of them says a line. How many lines does the " +
        "server send?",
      answers: ["20", "25", "5"],
      correct: 1,
    },
    script: "23-chat/chat.ts",
    server: "23 chat",
    changes: [
      ["each of its lines goes to all others.", "each of its lines goes to the room."],
      ["${client.name}: ${printable(line)}`, client)", "${client.name}: ${printable(line)}`)"],
      [
        `  /** Says a line to all, except to its author. */
  #say(text: string, author?: Member<Socket>): void {`,
        `  /** Says a line to all. */
  #say(text: string): void {`,
      ],
      ["if (member !== author && !this.#put(", "if (!this.#put("],
    ],
    foundBy: "passes each line on to all others, once, and not to its author",
    says: /its own line/,
    explained: /goes to its author as well/,
    hints: [
      "A terminal shows what is typed by itself. Where does the second copy come from?",
      "The room passes a line on to its members. Is its author one of them?",
      "`this.#say` does not know who said the line. With the `author`, it can leave that member " +
      "out.",
    ],
    explanation: "The author is a member like all others, so a loop over the members finds it as " +
      "well. Somebody has to leave it out, and only the room knows who said the line. Some " +
      "protocols do send a line back, as a receipt: then a client must not print what it types.",
  },
  {
    id: "23.2",
    title: "Half a name",
    story: "With most clients the room works. Those that send every key as it is pressed are " +
      "welcomed under their first letter, and each of their letters becomes a line.",
    question: {
      asks: "A client sends spea, and ker with a line feed a moment later. What does the server " +
        "receive?",
      answers: [
        "one line: TCP delivers what was sent as one message",
        "two pieces, or one, as it happens",
        "always two pieces, one for each send",
      ],
      correct: 1,
    },
    script: "23-chat/chat.ts",
    server: "23 chat",
    changes: [
      ['import { LineBuffer } from "../../shared/lines.ts";\n', ""],
      [
        "const encoder = new TextEncoder();\n",
        "const encoder = new TextEncoder();\nconst decoder = new TextDecoder();\n",
      ],
      [
        `  /** What it says. */
  readonly lines = new LineBuffer(LONGEST_LINE);
`,
        "",
      ],
      [
        "    for (const line of client.lines.add(bytes)) {\n",
        "    for (const line of decoder.decode(bytes).trimEnd().split(/\\r?\\n/)) {\n",
      ],
      ["      if (line === undefined) {\n", "      if (line.length > LONGEST_LINE) {\n"],
    ],
    foundBy: "puts lines together that come in pieces, and takes several from one piece",
    says: /it heard .* in place of/,
    explained: /takes each piece for whole lines/,
    hints: [
      "What recv returns is called `bytes` in `hear`. Where do these begin, and where do they end?",
      "TCP carries bytes, not messages. Who has to remember the beginning of a line until its " +
      "end comes?",
      "`decoder.decode(bytes)` treats a piece as if it were whole lines. A `LineBuffer` for each " +
      "client keeps what has no end yet: `client.lines.add(bytes)`.",
    ],
    explanation:
      "A piece may have half a line, or three, or half a character. So each client needs " +
      "a place where the beginning of a line waits for its end, with a limit to its length. It " +
      "keeps bytes, and decodes a line when all of it is there.",
  },
  {
    id: "23.3",
    title: "One sleeper in the room",
    story:
      "Somebody closes a laptop and leaves it connected. The room stays lively, and a few hours " +
      "later the kernel kills the server for its memory.",
    question: {
      asks: "Two people talk in the room, and a third one never reads. Who notices?",
      answers: [
        "nobody, until the memory of the server is used up",
        "the two: they can say no more than the third one takes",
        "the third one alone: it misses some lines",
      ],
      correct: 0,
    },
    script: "23-chat/chat.ts",
    server: "23 chat",
    changes: [
      [
        `/** How many bytes may wait for a client. A client that overruns this is dropped. */
export const MOST_UNSENT: number = 256 * 1024;
`,
        `/** How many bytes may wait for a client. A client that overruns this is dropped. */
export const MOST_UNSENT: number = Infinity;
`,
      ],
    ],
    foundBy: "drops a client that does not read, says so to it, and lets the others notice nothing",
    says: /silent was not dropped/,
    explained: /has no limit/,
    limit: 10_000,
    hints: [
      "What was said, and not yet sent, waits somewhere for each client. Where, and how much of " +
      "it?",
      "A server that answers can stop reading from the client that does not read. Why does that " +
      "not help here?",
      "`MOST_UNSENT` is `Infinity`, so nobody ever overruns it. Choose a number.",
    ],
    explanation:
      "In an echo server, a client that does not read can be slowed down, since it is its own " +
      "messages that fill the memory. In a room, others fill it. There are three ways out: slow " +
      "everybody down, drop lines, or drop the client. Without a choice, the memory decides.",
  },
  {
    id: "23.4",
    title: "Write the framing of lines",
    story: "People connect, and are asked for their names. Whatever they type, the room does not " +
      "answer.",
    question: {
      asks: "A line of 70,000 bytes comes in pieces, and 65,536 are allowed. When is it refused?",
      answers: [
        "when its end has come, and its length is known",
        "when the first piece has come",
        "as soon as more has come than a line may have",
      ],
      correct: 2,
    },
    script: "../shared/lines.ts",
    changes: [[
      ["    let start = 0;\n", "    yield undefined;\n"],
      `    // To be written. piece.indexOf(LF, start) finds the end of a line, or is -1.
    // this.#complete(end) puts what is kept of a line before its end, and returns all of it without
    // a CR; decoder.decode makes a text of that. this.#keep(piece) keeps a beginning, whose length
    // is this.#length, and this.#forget() forgets it. A line may have this.most bytes, and one more
    // that is a CR: of one that is longer, nothing is kept, undefined is yielded at once, and
    // this.#skips says that what comes until its end is to be left out.
`,
    ]],
    foundBy: "puts a line together that comes in pieces",
    says: /it yielded/,
    hints: [
      "First all lines whose ends are in this piece; then what is left behind the last of them.",
      "There are three places where a line can be: whole in this piece, begun in an earlier " +
      "one, or left out since it was too long. `#skips` says which of the last two it is.",
      "`for (let end; (end = piece.indexOf(LF, start)) !== -1; start = end + 1)` goes through " +
      "the lines; what is behind the last one goes to `this.#keep(piece.subarray(start))`.",
    ],
    explanation:
      "Framing is what makes messages out of a stream of bytes. The buffer keeps at most one " +
      "line, and refuses a line that is too long before its end has come: otherwise a client " +
      "that never ends a line would fill the memory. It goes on behind it, so one mistake does " +
      "not cost the connection.",
    fromScratch: true,
  },
  {
    id: "23.5",
    title: "Two histories of one evening",
    story: "Two people compare what they saw. Both have every line, but in one log somebody was " +
      "thrown out before a remark, and in the other one after it.",
    question: {
      asks:
        "A line overruns the queue of a slow client in the middle of the loop over all members. " +
        "When does the room say that it was dropped?",
      answers: [
        "when all members have the line",
        "at once: some members have the line by then, and others do not",
        "when the slow client has left the loop over all sockets",
      ],
      correct: 1,
    },
    script: "23-chat/chat.ts",
    server: "23 chat",
    changes: [
      ["    const slow: Member<Socket>[] = [];\n", ""],
      [
        "!this.#put(member, line)) slow.push(member);",
        "!this.#put(member, line)) this.#drop(member);",
      ],
      [
        "    // Not before all have this line: that somebody was dropped is a line as well, and " +
        `the lines
    // would not come to all in one order.
    for (const member of slow) this.#drop(member);
`,
        "",
      ],
    ],
    foundBy: "lets all hear one order, in which somebody is dropped as well",
    says: /different orders/,
    explained: /before all have the line/,
    limit: 10_000,
    hints: [
      "Which lines come from people, and which from the room itself? Both go through the same " +
      "loop.",
      "`#drop` says a line to all. What if that happens while another line has come to half of " +
      "them?",
      "`this.#drop(member)` within the loop over `this.#members` says a line in the middle of " +
      "another. Note who is `slow`, and drop them behind the loop.",
    ],
    explanation:
      "To drop a client is an event of the room like any other, and is said to all. Said from " +
      "within the loop that passes on a line, it overtakes that line for the members that are " +
      "still to get it. One thing after another: first the line to all, then its consequences.",
  },
];
