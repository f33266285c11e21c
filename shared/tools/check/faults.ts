/**
 * What servers usually do wrong, told by what their clients see.
 *
 * @module
 */

/** What a client sees, and which fault of the server it usually comes from. */
export type Fault = readonly [seen: RegExp, meaning: string];

/** Bytes of a reply are missing, or do not come. */
export const FORGOTTEN =
  "send took fewer bytes than it was given, or none (EAGAIN), and the rest " +
  "is forgotten: keep it, and send it when there is room";
/** The server's memory grows. */
export const PILED_UP = "it goes on reading from a client that does not read, and the replies " +
  "pile up: read nothing from a client that has unsent bytes";

const NOT_CLOSED = "recv returned 0, which is the end of the input, and the connection is not " +
  "closed then";
/** How it looks when the server is no longer there. */
const GONE = /the server ended|refused/i;

/** "is 97 and should be 65", and so on to z. */
const STILL_SMALL = new RegExp(
  Array.from({ length: 26 }, (_, i) => `is ${97 + i} and should be ${65 + i}$`).join("|"),
);

/** What says more than the situation does. */
const TELLING: readonly Fault[] = [
  [STILL_SMALL, "the bytes come back as they were sent, but a to z have to become A to Z"],
  [
    // 239 is the first byte of U+FFFD in UTF-8, which stands for what could not be decoded.
    /is 239 and should be (12[89]|1[3-9]\d|2\d\d)$/,
    "it decodes the bytes to a string, which changes everything that is not UTF-8",
  ],
  [/did not close its side/, NOT_CLOSED],
];

/** What holds in every situation, behind what is special about it. */
const COMMON: readonly Fault[] = [
  [/stay open/, NOT_CLOSED],
  [
    /the reply ended after|reset|broken pipe|missing/i,
    "the end of the input is taken for the end of the connection: it closes before all is sent",
  ],
  [/the server ended, exit code 0/, "its loop ends although nobody asked it to"],
  [GONE, "an error that concerns one client ends the server: close that connection, and go on"],
  [
    /longer than|more than the message/,
    "more is sent than recv returned: the rest of the buffer is what came before",
  ],
  [/byte \d+ of the reply/, "a buffer is used again before its bytes have been sent"],
  [/nothing came of it/, "it waits in a call for something that does not come"],
];

/**
 * Which fault it usually is.
 *
 * @param special What is usual in this situation; the first that fits counts.
 * @param saw What the client saw.
 * @param stderr What the server wrote to stderr.
 */
export function faultBehind(
  special: readonly Fault[],
  saw: string,
  stderr: readonly string[],
): string {
  const known = [...TELLING, ...special].find(([seen]) => seen.test(saw));
  if (known !== undefined) return known[1];
  // The server's last words may name the call, as in "recv(5): ECONNRESET (…)".
  const call = GONE.test(saw) && /(\w+)\(.*?\): (E[A-Z]+)/.exec(stderr.join("\n"));
  if (call) {
    return `${call[1]} failed with ${call[2]}, which concerns one client, and that ended the ` +
      "server: close that connection, and go on";
  }
  return COMMON.find(([seen]) => seen.test(saw))?.[1] ?? "not known";
}
