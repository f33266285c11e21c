/**
 * The lessons: what `deno task lesson` lists and runs, and what the tests go through. Nothing here
 * needs Linux.
 *
 * @module
 */

/** A lesson, in the folder of its name below `lessons/`. */
export interface Lesson {
  /** Its number, two digits. */
  number: string;
  /** Its folder. */
  folder: string;
  /** Its name, for headings. */
  title: string;
  /** Its idea, in a few words. */
  idea: string;
  /** What to notice when it has run. */
  notice: string;
  /** Its server. */
  server: Server;
  /** The permissions of its client. */
  client: { permissions: string[] };
}

/** The server of a lesson. */
export interface Server {
  /** What it may do, as options of `deno run`. */
  permissions: string[];
  /** It serves one client after the other, so a client has to wait for those before it. */
  sequential?: true;
  /** It never sleeps: an idle server uses a whole core. */
  polling?: true;
}

const client = { permissions: ["--allow-net"] };

/** All lessons, in their order. */
export const catalogue: readonly Lesson[] = [
  {
    number: "00",
    folder: "00-two-phases",
    title: "The two phases of a read",
    idea: "inside one recv: wait, then copy, told apart by the kernel's own clock",
    notice: "The wait is the client's pause, whatever the size; the copy grows with the size.",
    server: { permissions: ["--allow-ffi"], sequential: true },
    client,
  },
  {
    number: "01",
    folder: "01-blocking",
    title: "Blocking I/O",
    idea: "one thread, one client at a time",
    notice: "Clients 2 and 3 were connected at once, and waited for client 1 all the same.",
    server: { permissions: ["--allow-ffi"], sequential: true },
    client,
  },
  {
    number: "02",
    folder: "02-threads",
    title: "A thread for each client",
    idea: "a thread (a Worker) for each client",
    notice: "Nobody waits for client 1 any more, only for a thread to start; each costs memory.",
    server: { permissions: ["--allow-ffi", "--allow-read"] },
    client,
  },
  {
    number: "03",
    folder: "03-nonblocking",
    title: "Non-blocking I/O",
    idea: "no call waits: ask everybody, again and again",
    notice: "One thread served everybody, but kept a core busy with questions answered EAGAIN.",
    server: { permissions: ["--allow-ffi"], polling: true },
    client,
  },
  {
    number: "04",
    folder: "04-select",
    title: "I/O multiplexing with select",
    idea: "one call waits for all",
    notice:
      "The same replies from one thread that slept nearly all the time; but try --clients 1100.",
    server: { permissions: ["--allow-ffi"] },
    client,
  },
];
