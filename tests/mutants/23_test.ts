/** Faults of a chat room, and of the two servers that it has. */

import { HANGS, SHORT, testEdits } from "./mutants.ts";

const PASSES_ON = "passes each line on to all others, once, and not to its author";
const PIECES = "puts lines together that come in pieces, and takes several from one piece";
const NAMES = "gives each name to one client at a time, and only names that are easy to read";
const NO_CONTROLS = "passes on no escape sequence and no other control character";
const DROPS =
  "drops a client that does not read, says so to it, and lets the others notice nothing";
const CLOSES = "closes the connection of one that was dropped, if it takes nothing even then";
const MANY = "does not drop clients that read, when many speak at the same moment";

testEdits("23 chat", [
  {
    name: "sends the last line first",
    changes: [["this.#pieces.push(line);", "this.#pieces.unshift(line);"]],
    foundBy: PASSES_ON,
    says: /it heard .* in place of/,
    explained: /out of order/,
  },
  {
    name: "decodes each piece by itself",
    changes: [
      [
        "client.lines.add(bytes)",
        "withRest(client, new TextDecoder().decode(bytes))",
      ],
      [
        "/** A text without control characters",
        `const rests = new Map<unknown, string>();

function withRest(client: unknown, text: string): string[] {
  const lines = ((rests.get(client) ?? "") + text).split(/\\r?\\n/);
  rests.set(client, lines.pop()!);
  return lines;
}

/** A text without control characters`,
      ],
    ],
    foundBy: PIECES,
    says: /it heard .*\uFFFD.* in place of/,
    explained: /decodes each piece by itself/,
  },
  {
    name: "keeps a line of any length",
    changes: [["new LineBuffer(LONGEST_LINE)", "new LineBuffer(2 ** 30)"]],
    foundBy: "answers a line of more than 64 KiB with an error, once, and goes on",
    says: HANGS,
    explained: /the length of a line is not checked/,
    limit: SHORT,
  },
  {
    name: "gives a name to two clients",
    changes: [["if (this.#members.has(name)) {", "if (name === undefined) {"]],
    foundBy: NAMES,
    says: /two have one name/,
    explained: /does not check names/,
  },
  {
    name: "keeps the names of clients that have gone",
    changes: [["this.#members.delete(client.name)", "this.#members.has(client.name)"]],
    foundBy: NAMES,
    says: /a name stays taken/,
    explained: /does not give up those of clients that have gone/,
  },
  {
    name: "passes on escape sequences",
    changes: [["${printable(line)}", "${line}"]],
    foundBy: NO_CONTROLS,
    says: /a control character came through: "anna: \\u001b/,
    explained: /write to another's terminal/,
  },
  {
    name: "knows only the control characters of ASCII",
    changes: [["/\\p{Cc}/gu", "/[\\x00-\\x1f\\x7f]/g"]],
    foundBy: NO_CONTROLS,
    says: /a control character came through/,
    explained: /write to another's terminal/,
  },
  {
    name: "drops a client without a word",
    changes: [["    this.put(line);\n  }\n}", "  }\n}"]],
    foundBy: DROPS,
    says: /last line/,
    explained: /without a word/,
  },
  {
    name: "drops a client in the middle of a line",
    changes: [["this.#cut ? 1 : 0", "0"]],
    foundBy: DROPS,
    says: /a line is not whole|last line does not say so/,
    explained: /in the middle of a line/,
  },
  {
    name: "closes without sending what waits",
    changes: [["if (leaving && (broken || !member.full)) {", "if (leaving) {"]],
    foundBy: DROPS,
    says: /last line/,
    explained: /without a word/,
  },
  {
    name: "says nothing of clients that go",
    changes: [["this.#say(`* ${client.name} ${how}`)", "void how"]],
    foundBy: "says who came and who left, however that happened",
    says: HANGS,
    explained: /not noticed, or not said/,
    limit: SHORT,
  },
  {
    name: "lets the lines of a round overrun an outbox",
    changes: [["!member.full) flush(member);", "!member.full) return;"]],
    foundBy: MANY,
    says: /dropped|closed/,
    explained: /overruns before anything could be sent/,
  },
  {
    name: "waits forever for one that was dropped",
    changes: [["  if (leaving) setsockopt(", "  if (served < 0) setsockopt("]],
    foundBy: CLOSES,
    says: /still open/,
    explained: /keeps its descriptor/,
    limit: 20_000,
  },
  {
    name: "waits for the input of one that was dropped",
    changes: [["(leaving ? 0 : READ)", "READ"]],
    foundBy: CLOSES,
    says: /% of a core/,
    explained: /still waits for input/,
    limit: 20_000,
    alone: true,
  },
  {
    name: "never sleeps",
    changes: [["selector.select(pause)", "selector.select(0)"]],
    foundBy: "uses no CPU while there is nothing to do",
    says: /% of a core/,
    explained: /never sleeps/,
    alone: true,
  },
]);

testEdits("23 chat room", [
  {
    name: "hears all in one turn of its event loop",
    changes: [["await (floor = floor.then(() => turn()));", "await floor;"]],
    foundBy: MANY,
    says: /dropped|closed/,
    explained: /overruns before anything could be sent/,
  },
  {
    name: "waits forever for one that was dropped",
    changes: [["if (member.leaving) setTimeout(", "if (served < 0) setTimeout("]],
    foundBy: CLOSES,
    says: /still open/,
    explained: /keeps its descriptor/,
    limit: 20_000,
  },
  {
    name: "closes when one leaves, whatever waits for it",
    changes: [[
      "  if (member.leaving) setTimeout(close, GRACE, socket);",
      "  if (member.leaving) return close(socket);",
    ]],
    foundBy: DROPS,
    says: /last line/,
    explained: /without a word/,
  },
  {
    name: "begins another write while one is under way",
    changes: [["  if (member.full) return;\n", ""]],
    foundBy: DROPS,
    says: /silent was not dropped/,
    explained: /has no limit/,
  },
]);
