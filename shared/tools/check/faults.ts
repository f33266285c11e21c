/**
 * What servers usually do wrong, judged by what their clients see.
 *
 * @module
 */

/** What a client sees, and which fault of the server it usually comes from. */
export type Fault = readonly [seen: RegExp, meaning: string];

/** Bytes of a reply are missing, or do not come. */
export const FORGOTTEN: string =
  "send took fewer bytes than it was given, or none (EAGAIN), and the rest is forgotten: keep " +
  "it, " +
  "and send it when there is room";
/** Bytes come back changed. */
export const DECODED: string =
  "it decodes the bytes to a string, which changes what is not UTF-8, or not ASCII";
/** The server's memory grows. */
export const PILED_UP: string =
  "it goes on reading from a client that does not read, so the replies " +
  "pile up: read nothing more from a client that has unsent bytes";

const NOT_CLOSED = "recv returned 0, the end of the input, and the connection was not closed then";
/** What was opened for a client stays open, and it is no connection. */
const NOT_FREED = "what it opened for a client besides the connection is not closed with it: a " +
  "thread, a file, a timer";
/** How it looks when the server is no longer there. */
const GONE = /the server ended|refused/i;

/** "is 97 and should be 65", and so on to z. */
const STILL_SMALL = new RegExp(
  Array.from({ length: 26 }, (_, i) => `is ${97 + i} and should be ${65 + i}$`).join("|"),
);

/** It sleeps although a client has sent something, and waits for nothing but the reply. */
const OVERLOOKED = /sleeps in epoll_wait(?!.*has not read).* lie unread in descriptor \d/;
const EDGES = "it sleeps while bytes of a client lie unread: with edge-triggered events or with " +
  "signals, it has to read every socket until EAGAIN; else it does not watch that descriptor";

/** What says more than the situation does. */
const TELLTALE: readonly Fault[] = [
  [
    /the end of the input only if that came later/,
    "its events are edge-triggered, and it does not read until EAGAIN: what arrives together, " +
    "such as a message and the end of the input, is reported once",
  ],
  [STILL_SMALL, "the bytes come back as they were sent, but a to z have to become A to Z"],
  [
    // 239 is the first byte of U+FFFD in UTF-8, which stands for what could not be decoded.
    /is 239 and should be (12[89]|1[3-9]\d|2\d\d)$/,
    DECODED,
  ],
  [/did not close the connection/, NOT_CLOSED],
];

/** What holds in every situation, after what is special about it. */
const COMMON: readonly Fault[] = [
  [/descriptors are still open/, NOT_FREED],
  [/still open/, NOT_CLOSED],
  [
    /the reply ended after|reset|broken pipe|missing/i,
    "it takes the end of the input for the end of the connection, and closes before all is sent",
  ],
  [
    /no longer listens/,
    "an error in a call for one client ended the server: its last words on stderr name the call, " +
    "and after ECONNRESET or EPIPE it has to close that connection, and go on",
  ],
  [/the server ended with exit code 0/, "its loop ends although nothing asked it to"],
  [GONE, "an error that concerns one client ends the server: close that connection, and go on"],
  [
    /longer than|more than the message/,
    "it sends more than recv returned: the rest of the buffer is left over from earlier",
  ],
  [/byte \d+ of the reply/, "a buffer is used again before its bytes have been sent"],
  [/still waiting/, "it waits in a call for something that does not happen"],
];

/** What a server has to do where one of its calls fails; for all other errors, close and go on. */
const ADVICE: Record<string, string> = {
  EAGAIN: "nothing had arrived, or there was no room; wait, and make the call again",
  EINTR: "a signal interrupted it; make the call again",
  EMFILE: "there was no free descriptor; stop accepting until a client has gone",
};

/** Whether a fault was read from a server's last words, and not guessed from what was seen. */
export function isLastWord(fault: string): boolean {
  return /^\w+ failed with E[A-Z]+, and that ended the server: /.test(fault);
}

/**
 * Which fault it usually is.
 *
 * @param special What is usual in this situation; the first that fits counts.
 * @param saw What the client saw.
 * @param stderr What the server wrote to stderr.
 * @param waits What it waited for, if nothing moved any more.
 */
export function faultBehind(
  special: readonly Fault[],
  saw: string,
  stderr: readonly string[],
  waits = "",
): string {
  // The last words of a server may name the call, as in "recv(5): ECONNRESET (…)". They know more
  // than any guess.
  const call = GONE.test(saw) && /(\w+)\(.*?\): (E[A-Z]+)/.exec(stderr.join("\n"));
  if (call) {
    const [, name, code] = call;
    const advice = ADVICE[code] ?? "it concerns one client; close that connection, and go on";
    return `${name} failed with ${code}, and that ended the server: ${advice}`;
  }
  const mistake = GONE.test(saw) && /\b(?:Reference|Syntax|Type)Error: .*/.exec(stderr.join("\n"));
  if (mistake) return `an error of the script itself ended the server, ${mistake[0]}`;
  const found = (faults: readonly Fault[]) => faults.find(([seen]) => seen.test(saw))?.[1];
  const telling = found([...TELLTALE, ...special]);
  if (/in the server's sockets/.test(waits)) return EDGES;
  if (OVERLOOKED.test(waits)) return telling === undefined ? EDGES : `${telling}; or ${EDGES}`;
  return telling ?? found(COMMON) ?? "not known";
}
