/**
 * The exercises of lesson 05.
 *
 * @module
 */

import type { Exercise } from "../exercise.ts";

/** The exercises, in their order. */
export const exercises: readonly Exercise[] = [
  {
    id: "05.1",
    title: "Closed until further notice",
    story: "There was a rush in the morning, and for a moment the server was out of descriptors. " +
      "Customers that were connected are served. Since then, nobody new gets in, although most " +
      "of the others have left.",
    question: {
      asks: "A client connects in the afternoon. What does it see?",
      answers: [
        "the kernel refuses its connection",
        "it is connected, and never answered",
        "it is connected, and answered 100 ms later",
      ],
      correct: 1,
    },
    script: "05-poll/server.ts",
    changes: [["  pause = undefined;\n", ""]],
    foundBy: "stops accepting while it is out of descriptors, and recovers",
    says: /still waiting/,
    explained: /does not accept again/,
    limit: 5000,
    hints: [
      "The clients are in the queue of the listener. Does anybody look at the listener?",
      "Follow `pause`: where is it set, who reads it, and when does it end?",
      "During a `pause`, entry 0 of the `list` is not watched. After `poll`, set it to " +
      "`undefined` again.",
    ],
    explanation: "A pause has a beginning and an end. It begins when accept4 finds no " +
      "descriptor, and lasts for one call of poll. If nothing ends it, the listener is left out " +
      "forever, and the kernel goes on connecting clients that nobody accepts.",
  },
  {
    id: "05.2",
    title: "The end is missing",
    story: "A customer pipes a file into nc and stores the reply. With short files it works. Of " +
      "a long file, only the beginning comes back.",
    question: {
      asks: "A client ends its sending and goes on reading. How does the server see that?",
      answers: [
        "it does not: only a client that closes is reported",
        "as the end of the connection, in both directions",
        "as the end of the input; replies can still be sent",
      ],
      correct: 2,
    },
    script: "05-poll/server.ts",
    changes: [
      ["import { poll, POLLIN, PollList }", "import { poll, POLLIN, PollList, POLLRDHUP }"],
      ["list.add(connection.fd, READ);", "list.add(connection.fd, READ | POLLRDHUP);"],
      ["list.watch(i, want);", "list.watch(i, want | POLLRDHUP);"],
      [
        "const want = serve(connection);",
        "const want = list.revents(i) & POLLRDHUP ? GONE : serve(connection);",
      ],
    ],
    foundBy: "sends the whole reply after a half-close, and then closes",
    says: /the reply ended|[Cc]onnection reset/,
    explained: /the end of the input for the end of the connection/,
    hints: [
      "The server closes these connections itself. Where does it decide that a client is gone?",
      "TCP ends each direction by itself. What may still be in the server, or in the kernel, " +
      "when the client has finished sending?",
      "`POLLRDHUP` says that the client has finished sending, no more: let `serve` find that " +
      "out, since `tryRecv` returns 0 once everything was read.",
    ],
    explanation: "A half-close is no goodbye: the client has said everything and waits for the " +
      "answer. POLLRDHUP is reported while unread bytes are still in the kernel. recv reports " +
      "the end in its place, behind the last byte, and by then all replies have been sent.",
  },
  {
    id: "05.3",
    title: "Half a reply",
    story: "Large orders are confirmed only in part. The customer waits for the rest, the server " +
      "waits as well, and neither of them uses any CPU time.",
    question: {
      asks: "A client's socket was full and has room again. What does poll report?",
      answers: [
        "POLLOUT, since that is what was requested",
        "POLLIN, since the client has read something",
        "nothing, until the client sends something",
      ],
      correct: 0,
    },
    script: "05-poll/server.ts",
    changes: [
      [
        "    // POLLERR and POLLHUP are always reported, requested or not; recv returns the " +
        "actual error.\n    if (list.revents(i) === 0) continue;\n",
        "    if ((list.revents(i) & POLLIN) === 0) continue;\n",
      ],
    ],
    foundBy: "keeps every byte of 64 MiB for a client that reads late, in bounded memory",
    says: /still waiting/,
    explained: /send it when there is room/,
    limit: 5000,
    hints: [
      "The bytes are in the server, and it knows that they are. What does it wait for?",
      "A connection with unsent bytes waits for room. In which bit of the answer does poll say so?",
      "The loop skips all answers without `POLLIN`: skip an entry only if `revents` is 0.",
    ],
    explanation:
      "The kernel answers what was requested: POLLOUT for a connection that waits for room. " +
      "A loop that looks for POLLIN alone skips this answer, and the rest of the reply stays in " +
      "the server. It would skip POLLERR and POLLHUP too, which nobody requests.",
  },
  {
    id: "05.4",
    title: "Write the poll loop",
    story: "The server opens its port, and ends at once. The list is there, with the listener " +
      "in it; what is missing is the loop that asks the kernel and serves the clients.",
    question: {
      asks: "Of 1,000 clients, one has sent something. How many entries does the loop look at?",
      answers: [
        "one: poll returns which",
        "all of them: poll returns only how many",
        "as many as there are in front of that one",
      ],
      correct: 1,
    },
    script: "05-poll/server.ts",
    changes: [[
      [
        "while (served < options.connections) {\n",
        `  if (list.revents(0) !== 0) acceptOne();
}
`,
      ],
      `// To be written: the loop, which ends when \`served\` has reached options.connections.
// A round
// - watches the listener for POLLIN with list.watch(0, …), or for 0 during a \`pause\`;
// - calls poll(list, pause), after which the pause is over;
// - for each other entry with an answer (list.revents(i)), serves the connection of list.fd(i), and
//   watches it for what it wants next; if it is GONE, deletes the entry and drops the connection;
// - calls acceptOne() if entry 0 has an answer.
`,
    ]],
    foundBy: "answers 20 clients at once",
    says: /the server ended with exit code 0|refused/,
    hints: [
      "Begin with the listener alone: wait, and call acceptOne if there is an answer. Then serve.",
      "`list.delete` moves the last entry to the place that is free now. In which direction can " +
      "a loop go without skipping it?",
      "From `list.length - 1` down to 1: if `list.revents(i)` is not 0, `serve` the connection, " +
      "then `list.watch(i, want)`, or `list.delete(i)` and `drop`.",
    ],
    explanation: "The list outlives the call, so only changes have to be written. But the answer " +
      "is spread over the whole list, and finding one entry takes a look at all of them. Going " +
      "backwards, an entry that delete moves has been looked at already.",
    fromScratch: true,
  },
];
