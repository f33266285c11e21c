/** Faults of a blocking server: its replies, its errors, its start and its end. */

import { assertRejects } from "@std/assert";
import { Server } from "../../shared/tools/check/server.ts";
import type { Change } from "../../shared/tools/exercise/exercise.ts";
import { ENDED, subjectOf, testEdits, withEdit } from "./mutants.ts";

const REPLY = "sendAll(connection, shout(buffer, length), length);";
const IMPORTS = "addressOf, listenTcp, recv,";
const LISTENER = "const listener = listenTcp(options);";

testEdits("01 blocking", [
  {
    name: "decodes to a string",
    changes: [[
      REPLY,
      `const text = new TextDecoder().decode(buffer.subarray(0, length));
      sendAll(connection, new TextEncoder().encode(text.toUpperCase()));`,
    ]],
    foundBy: "turns a to z into A to Z and leaves all other bytes alone",
    says: /byte \d+ of the reply|longer than the message/,
    explained: /decodes the bytes to a string/,
  },
  {
    name: "dies of a broken pipe",
    changes: [[
      "if (!isSystemError(error)) throw error;",
      'if (!isSystemError(error) || error.syscall === "send") throw error;',
    ]],
    foundBy: "survives many resets with unread replies",
    says: ENDED,
    explained: /send failed with E(PIPE|CONNRESET)/,
  },
  {
    name: "is deaf to signals",
    changes: [[
      "const options = serverOptions();",
      `const options = serverOptions();
Deno.addSignalListener("SIGINT", () => Deno.exit());`,
    ]],
    foundBy: "ends at once on SIGINT",
    says: /did not end after/,
    explained: /signal listener is installed/,
  },
  {
    name: "does not reuse its address",
    changes: [
      [IMPORTS, "addressOf, AF_INET, bind, listen, SOCK_STREAM, socket, recv,"],
      [
        LISTENER,
        `const listener = socket(AF_INET, SOCK_STREAM);
bind(listener, options);
listen(listener);`,
      ],
    ],
    foundBy: "can be started again at once on the same port",
    says: /port \d+ of 127\.0\.0\.1 is taken/,
    explained: /SO_REUSEADDR is not set/,
  },
  {
    name: "shares its port",
    changes: [
      [
        IMPORTS,
        "addressOf, AF_INET, bind, listen, setsockopt, SOCK_STREAM, socket, SOL_SOCKET, recv,",
      ],
      [
        LISTENER,
        `const listener = socket(AF_INET, SOCK_STREAM);
const SO_REUSEPORT = 15;
setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, 1);
bind(listener, options);
listen(listener);`,
      ],
    ],
    foundBy: "reports in one line that its port is taken",
    says: /should have ended/,
    explained: /SO_REUSEPORT is set/,
  },
]);

const PRINT = "console.log(`listening on ${addressOf(listener)}`);";
const starts: [name: string, change: Change, says: RegExp][] = [
  ["never listens", [PRINT, ""], /^it did not print where it listens within 3000 ms$/],
  [
    "prints something else first",
    [PRINT, `console.log("ready");\n${PRINT}`],
    /^its first line is not where it listens: ready$/,
  ],
  [
    "ends before it listens",
    [LISTENER, 'throw new Error("not today");'],
    /^it ended before it listened: error: .* Error: not today, at file:.*\/server\.ts:\d+:7$/,
  ],
];
for (const [name, change, says] of starts) {
  Deno.test(`01 blocking: a server that ${name} is given up, with the reason`, async () => {
    await withEdit(subjectOf("01 blocking"), [change], async (mutant) => {
      await assertRejects(() => Server.start(mutant), Error, undefined).then(({ message }) => {
        if (!says.test(message)) throw new Error(`the reason is: ${message}`);
      });
    });
  });
}
