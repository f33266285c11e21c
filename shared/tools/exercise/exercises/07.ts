/**
 * The exercises of lesson 07.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "07.1",
    title: "Holes in long reports",
    story: "Customers with slow links complain: long reports arrive with holes. On the fast " +
      "network of the office, nobody has ever seen it.",
    question: {
      asks: "The server sends 64 KiB, and the socket has room for 10 KiB. What does send return?",
      answers: [
        "64 KiB, once the rest has gone as well",
        "10 KiB",
        "EAGAIN, and it takes nothing",
      ],
      correct: 1,
    },
    script: "07-selectors/server.ts",
    changes: [
      ["  tryRecv,\n}", "  tryRecv,\n  trySend,\n}"],
      [
        `  // What the socket does not take is kept, and sent by flush.
  return connection.send(shout(buffer, length), length);
`,
        `  const sent = trySend(connection.fd, shout(buffer, length), length);
  return sent < 0 && sent !== -EAGAIN ? GONE : READ;
`,
      ],
    ],
    foundBy: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    says: /bytes of the reply are missing|^byte \d+ of the reply is/,
    explained: /send took fewer bytes .* forgotten/,
    hints: [
      "Nothing is wrong with what arrives; something is left out. Look at the call that sends.",
      "A non-blocking socket takes what it has room for. It may be all, a part, or nothing.",
      "`trySend` returns how many bytes it took: keep the rest, as `connection.send` does, and " +
      "wait for room.",
    ],
    explanation: "A send returns how much it has taken, and that may be less than it was given. " +
      "A server that does not look loses the rest. The connection copies what is left, since the " +
      "buffer is about to be used for others, and flush sends it when there is room.",
  },
  {
    id: "07.2",
    title: "A fan that never stops",
    story: "The replies are correct, the memory is small. But whenever some customers are slow, " +
      "the fan of the machine runs at full speed, although hardly a byte is moving.",
    question: {
      asks: "A client with unsent bytes has sent more. What does epoll report if asked for input?",
      answers: [
        "nothing, since its socket is full",
        "the client, once",
        "the client, at every call",
      ],
      correct: 2,
    },
    script: "07-selectors/server.ts",
    changes: [[
      "selector.modify(connection.fd, next,",
      "selector.modify(connection.fd, READ,",
    ]],
    foundBy: "keeps little for each of 20 clients that do not read, and serves others",
    says: /% of a core/,
    explained: /waits for input from a client that has unsent bytes/,
    limit: 20_000,
    hints: [
      "The loop does not sleep. Which sockets are reported again and again?",
      "While a client has unsent bytes, the server reads nothing from it. So what should it wait " +
      "for meanwhile?",
      "`selector.modify` waits for `READ`, whatever the client waits for next: use what `serve` " +
      "has returned.",
    ],
    explanation: "A level-triggered selector reports a socket while it is ready. Input that the " +
      "server does not want to read now keeps it ready, so the loop spins. A client with unsent " +
      "bytes is watched for room, and for nothing else.",
  },
  {
    id: "07.3",
    title: "Write the handler",
    story:
      "The selector reports each customer, and its callback runs. But the function that does " +
      "what one client needs now is empty, so nobody is answered.",
    question: {
      asks:
        "A handler leaves unread what has arrived. When does a level-triggered selector report " +
        "it again?",
      answers: [
        "at once, and again and again",
        "when more arrives",
        "never",
      ],
      correct: 0,
    },
    script: "07-selectors/server.ts",
    changes: [[
      [
        "  // Replies come first: while a client does not read them, ",
        "  return connection.send(shout(buffer, length), length);\n",
      ],
      `  // To be written. While bytes are \`unsent\`, flush() them, and read nothing. Else
  // tryRecv() into the buffer, and send() what has arrived, shouted. Both methods of the
  // connection return what it waits for next. Without data it is READ; at the end, or after an
  // error, it is GONE.
  return connection.want;
`,
    ]],
    foundBy: "answers 20 clients at once",
    says: /still waiting/,
    explained: /a client is forgotten/,
    limit: 2500,
    hints: [
      "The function is the same in lessons 03 to 07, whatever wakes the server up.",
      "One call of it does one thing: it sends what is left, or it reads once and answers. What " +
      "do the four kinds of results of recv mean: bytes, 0, -EAGAIN, and other negative numbers?",
      "If `connection.unsent` is 0, call `tryRecv(connection.fd, buffer)`; for `-EAGAIN` return " +
      "`READ`, for 0 or less `GONE`, else `connection.send(shout(buffer, length), length)`.",
    ],
    explanation: "The handler never waits. It does what can be done now, and returns what the " +
      "client waits for next, so that the loop knows what to watch. Since unsent bytes come " +
      "first, no client can make the server keep more than one buffer for it.",
    fromScratch: true,
  },
];
