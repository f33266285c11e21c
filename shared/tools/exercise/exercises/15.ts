/**
 * The exercises of lesson 15.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "15.1",
    title: "Crossed lines",
    story: "Somebody has made the server thriftier with memory. Since then, customers with slow " +
      "links find words of others in their replies. If all say the same, nobody notices.",
    question: {
      asks: "An async function waits at an await. What may happen meanwhile?",
      answers: [
        "nothing that concerns it: there is only one thread",
        "other calls of it may go on, and write to everything that they share",
        "other calls of it begin, but they wait at the same place",
      ],
      correct: 1,
    },
    script: "15-async-await/server.ts",
    changes: [
      ["let served = 0;", "let served = 0;\nconst buffer = new Uint8Array(64 * 1024);"],
      ["  const buffer = new Uint8Array(64 * 1024);\n  try {", "  try {"],
    ],
    foundBy: "serves others while one client does not read",
    says: /byte \d+ of the reply/,
    explained: /buffer that is received into again/,
    hints: [
      "Each byte is correct when it is put into the buffer. Look for who else writes there.",
      "Between the read and the end of `sendAll` there is an await. Whose turn is it then?",
      "`const buffer` stands outside of `serve`, so all connections share it: make it inside.",
    ],
    explanation: "An await gives way to everything else that is ready, and there the next client " +
      "is read into the same buffer, before all of it was sent. Lessons 03 to 07 can share a " +
      "buffer, since they copy what is left before anybody else has a turn.",
  },
  {
    id: "15.2",
    title: "Nine o'clock",
    story: "Every morning at nine, hundreds of customers connect within a moment, while the " +
      "server is busy with the first. Some are connected at once, others a second later, or " +
      "three, or seven.",
    question: {
      asks: "A client connects, and the queue of the listener is full. What does Linux do?",
      answers: [
        "it refuses the connection",
        "it drops the packet, and the client sends it again a second later",
        "it makes the queue longer",
      ],
      correct: 1,
    },
    script: "15-async-await/server.ts",
    changes: [["tcpBacklog: 4096", "tcpBacklog: 5"]],
    foundBy: "accepts hundreds of clients that connect at once",
    says: /not all were connected/,
    explained: /backlog/,
    limit: 40_000,
    hints: [
      "The server does nothing wrong once it has a client. What is before that?",
      "The kernel connects clients by itself, and puts them into a queue until they are accepted.",
      "`tcpBacklog` says how many clients the queue has room for.",
    ],
    explanation:
      "The kernel completes handshakes while the server is busy, up to the number that " +
      "was given to listen. Further ones are dropped, and a client tries again after 1, 3 and 7 " +
      "seconds. A long queue costs little; net.core.somaxconn caps it at 4,096.",
  },
  {
    id: "15.3",
    title: "A server that grows",
    story: "It was made quicker: it no longer waits until a reply was sent before it reads on. " +
      "Since then it needs a gigabyte now and then, until the kernel ends it.",
    question: {
      asks: "A client sends 64 MiB and reads nothing. Where do the bytes go?",
      answers: [
        "into the memory of the server",
        "into the buffers of the kernel, as far as they have room",
        "they are dropped, and sent again later",
      ],
      correct: 0,
    },
    script: "15-async-await/server.ts",
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
    limit: 10_000,
    hints: [
      "Count the replies of one client that have not been sent yet. What bounds their number?",
      "If the server stops reading, the kernel's buffers fill up, and TCP makes the client wait.",
      "`sent` is awaited behind the loop only: `await` each `sendAll` before the next `read`.",
    ],
    explanation: "A chain of promises is a queue without bound. A server that reads nothing more " +
      "from a client with unsent replies passes the pressure on: its receive buffer fills up, " +
      "TCP closes the window, and the client has to wait. One await is all it takes.",
  },
];
