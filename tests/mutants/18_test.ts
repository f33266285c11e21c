/** Faults of a pool of threads, and of the queue before it. */

import { ENDED, testEdits } from "./mutants.ts";

/** Many servers are started side by side, and each thread takes its time. */
const FEW = ["--threads", "2"];
const LAST = "ends after the number of clients in --connections";

testEdits("18 thread-pool", [
  {
    name: "loses a thread, and all others with it, when a client is reset",
    changes: [["if (!isSystemError(error)) throw error;", "throw error;"]],
    foundBy: "survives the resets of idle clients",
    says: ENDED,
    explained: /recv failed with ECONNRESET, and that ended the server/,
  },
  {
    name: "has threads that poll instead of waiting in accept",
    changes: [
      ["import { addressOf, listenTcp }", "import { addressOf, listenTcp, SOCK_NONBLOCK }"],
      ["listenTcp(options)", "listenTcp(options, SOCK_NONBLOCK)"],
      ["import { accept, recv, sendAll }", "import { recv, sendAll, tryAccept4 }"],
      [
        "    serve(accept(listener));\n",
        `    let connection;
    do connection = tryAccept4(listener); while (connection < 0);
    serve(connection);
`,
      ],
    ],
    foundBy: "uses no CPU while there is nothing to do",
    says: /% of a core/,
    explained: /never sleeps/,
    alone: true,
  },
  {
    name: "keeps the connections of clients that have gone",
    changes: [["    close(connection);\n", ""]],
    foundBy: "closes the connections of clients that have gone",
    says: /still open|did not close/,
    explained: /the connection was not closed/,
  },
  {
    name: "takes a number after it has accepted, and leaves the other threads asleep",
    changes: [
      ["while (Atomics.add(accepted, 0, 1) < connections) {", "while (true) {"],
      [
        "    serve(accept(listener));\n",
        `    serve(accept(listener));
    if (Atomics.add(accepted, 0, 1) + 1 >= connections) break;
`,
      ],
    ],
    foundBy: LAST,
    says: /still waiting|did not end/,
    explained: /clients that have gone are not counted/,
  },
  {
    name: "closes the listener on SIGTERM, and waits for its threads",
    changes: [[
      "console.log(`listening",
      `Deno.addSignalListener("SIGTERM", () => console.error("closing"));
console.log(\`listening`,
    ]],
    foundBy: "ends at once on SIGTERM",
    says: /did not end/,
    explained: /a signal listener is installed/,
  },
], { args: FEW });

testEdits("18 thread-pool queue", [
  {
    name: "has threads that look into the queue again and again",
    changes: [[
      "for (let connection; (connection = queue.take()) !== undefined;) serve(connection);",
      `while (true) {
    const connection = queue.tryTake();
    if (connection !== undefined) serve(connection);
  }`,
    ]],
    foundBy: "uses no CPU while there is nothing to do",
    says: /% of a core/,
    explained: /never sleeps/,
    alone: true,
  },
  {
    name: "ends when the last client has come",
    changes: [[
      "  queue.put(accept(listener));\n",
      `  const connection = accept(listener);
  if (served + 1 === options.connections) Deno.exit(0);
  queue.put(connection);
`,
    ]],
    foundBy: LAST,
    says: /[Cc]onnection re(set|fused)|the reply ended|[Bb]roken pipe/,
    explained: /counted when they come/,
  },
  {
    name: "leaves its threads asleep when the last client has gone",
    changes: [["queue.close();\n", ""]],
    foundBy: LAST,
    says: /still waiting|did not end/,
    explained: /clients that have gone are not counted/,
  },
  {
    name: "puts clients into the queue twice",
    changes: [[
      "  queue.put(accept(listener));\n",
      `  const connection = accept(listener);
  queue.put(connection);
  queue.put(connection);
`,
    ]],
    foundBy: "answers 20 clients at once",
    says: /still waiting|the server ended|reply|[Cc]onnection/,
    explained: /./,
  },
], { args: FEW });
