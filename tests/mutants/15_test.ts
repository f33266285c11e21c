/** Faults of a server with async and await. */

import { testEdits } from "./mutants.ts";

testEdits("15 async-await", [
  {
    name: "keeps a shared buffer",
    changes: [
      ["let served = 0;", "let served = 0;\nconst buffer = new Uint8Array(64 * 1024);"],
      ["  const buffer = new Uint8Array(64 * 1024);\n  try {", "  try {"],
    ],
    foundBy: "serves others while one client does not read",
    says: /byte \d+ of the reply/,
    explained: /buffer that is used for other clients/,
  },
  {
    name: "reads without limit",
    changes: [[
      `    for (let length; (length = await connection.read(buffer)) !== null;) {
      await sendAll(connection, shout(buffer, length).subarray(0, length));
    }
`,
      `    let sent = Promise.resolve();
    for (let length; (length = await connection.read(buffer)) !== null;) {
      const reply = shout(buffer.slice(0, length), length);
      sent = sent.then(() => sendAll(connection, reply));
    }
    await sent;
`,
    ]],
    foundBy: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    says: /memory grew by/,
    explained: /goes on reading .* pile up/,
    alone: true,
  },
  {
    name: "has a short backlog",
    changes: [["tcpBacklog: 4096", "tcpBacklog: 5"]],
    foundBy: "accepts hundreds of clients that connect at once",
    says: /not all were connected/,
    explained: /backlog/,
  },
]);
