/**
 * The exercises of lesson 01.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "01.1",
    title: "One customer too many",
    story: "The server runs for days. Then a phone loses its network in the middle of a request, " +
      "and after that no customer can connect any more: connection refused.",
    question: {
      asks: "One client resets its connection. Who notices?",
      answers: [
        "nobody else: the kernel drops that connection",
        "every client from then on: the server ends",
        "the next client in the queue, once",
      ],
      correct: 1,
    },
    script: "01-blocking/server.ts",
    changes: [["    if (!isSystemError(error)) throw error;\n", "    throw error;\n"]],
    foundBy: "survives the resets of idle clients",
    says: /the server ended/,
    explained: /recv failed with ECONNRESET/,
    hints: [
      "The last line on stderr names the call that failed, and its error.",
      "`recv` throws ConnectionReset when the client is gone. Whose problem is that?",
      "The `catch` block passes every error on. One kind of error concerns this client alone: " +
      "see `isSystemError`.",
    ],
    explanation: "A reset connection makes recv fail with ECONNRESET, or send with EPIPE. Both " +
      "concern one client: its connection is closed, and the server goes on. Any other error is " +
      "a bug in the script, and hiding it would be a fault of its own.",
  },
  {
    id: "01.2",
    title: "The second line",
    story: "People who type one line into their terminal are content. At the second line, the " +
      "connection is closed.",
    question: {
      asks: "A program sends one message in twenty small pieces. What does it get?",
      answers: [
        "the whole reply: TCP puts the pieces together again",
        "the beginning of the reply, and then the end of the connection",
        "nothing, until the last piece has arrived",
      ],
      correct: 1,
    },
    script: "01-blocking/server.ts",
    changes: [
      ["    while (true) {\n      // Phase 1, the wait", "    // Phase 1, the wait"],
      [
        ` are both inside this one call. If this client
      // sends nothing, the thread sleeps here, and with it the whole server.
      const length = recv(connection, buffer);
      if (length === 0) break; // the client has finished sending

      // This call waits, too, when the client does not read and the kernel's buffers are full.
      sendAll(connection, shout(buffer, length), length);
    }
`,
        ` are both inside this one call. If this client
    // sends nothing, the thread sleeps here, and with it the whole server.
    const length = recv(connection, buffer);
    // This call waits, too, when the client does not read and the kernel's buffers are full.
    sendAll(connection, shout(buffer, length), length);
`,
      ],
    ],
    foundBy: "answers a message that arrives one byte at a time",
    says: /the reply ended after|[Cc]onnection reset|[Bb]roken pipe/,
    explained: /answers once and closes/,
    hints: [
      "The first piece is answered correctly. What does `serve` do then?",
      "TCP carries a stream of bytes: one recv returns what is there, not one message. How does " +
      "a server learn that nothing more will come?",
      "Put `recv` and `sendAll` into a loop that ends when `recv` returns 0.",
    ],
    explanation: "A TCP connection has no messages. What one side sends at once may arrive in " +
      "pieces, and the pieces of two sends may arrive as one. Only a return value of 0 says that " +
      "the client has finished, so a server reads until it gets that.",
  },
  {
    id: "01.3",
    title: "Too many open files",
    story: "Every few weeks, the server stops accepting customers, and the operators start it " +
      "anew. It happens sooner in the weeks in which many phones lose their network.",
    question: {
      asks: "Which clients leave something behind in the server?",
      answers: [
        "all of them",
        "those that close their connection while they wait for a reply",
        "those whose connection breaks",
      ],
      correct: 2,
    },
    script: "01-blocking/server.ts",
    changes: [
      [
        "      if (length === 0) break; // the client has finished sending\n",
        "      if (length === 0) return close(connection); // the client has finished sending\n",
      ],
      ["  } finally {\n    close(connection);\n  }", "  }"],
    ],
    foundBy: "survives many resets with unread replies",
    says: /connections are still open/,
    explained: /broken connection is not closed/,
    limit: 20_000,
    hints: [
      "Compare what happens to the descriptor at the end of the input with what happens to it " +
      "after an error.",
      "The error is caught, and the function returns. Which line has not been reached then?",
      "`close(connection)` is called only when `length` is 0: move it to a `finally` block.",
    ],
    explanation: "Every way out of the function has to close the connection: the end of the " +
      "input, an error of recv, and an error of send. A finally block is on all of these ways. " +
      "The kernel keeps a descriptor until it is closed, and a process has only so many.",
  },
  {
    id: "01.4",
    title: "Write what one client gets",
    story: "The server accepts a customer, closes the connection, and accepts the next one. What " +
      "it should do between the two is not there yet: receive, shout, and send.",
    question: {
      asks: "A client connects, and sends nothing for a minute. Where is the server then?",
      answers: [
        "in recv, for that client",
        "in accept, for the next one",
        "in a loop that asks both in turn",
      ],
      correct: 0,
    },
    script: "01-blocking/server.ts",
    changes: [[
      ["    while (true) {\n", "    }\n"],
      `    // To be written: recv() into the buffer, shout() what has arrived, and sendAll() of it.
    // And so on, until recv returns 0: then the client has finished sending.
`,
    ]],
    foundBy: "answers a message that arrives one byte at a time",
    says: /the reply ended after|[Cc]onnection reset|[Bb]roken pipe/,
    hints: [
      "Two calls and a loop are enough. The functions are imported already.",
      "The result of recv is how many bytes there are now. It may be one, or the whole buffer; " +
      "only 0 is the end.",
      "With `const length = recv(connection, buffer)`, the reply is " +
      "`sendAll(connection, shout(buffer, length), length)`.",
    ],
    explanation: "The loop is the simplest server there is: each call waits until it is done, so " +
      "the next line can rely on it. The price is what the thread does meanwhile, which is " +
      "nothing. All other clients wait for this one.",
    fromScratch: true,
  },
];
