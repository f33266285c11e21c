/**
 * The lessons: what `deno task lesson` lists and runs, and what the tests go through. Nothing here
 * needs Linux.
 *
 * @module
 */

/** The folder of all lessons. */
export const LESSONS: URL = new URL("../../../lessons/", import.meta.url);

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
  /** Its program, `main.ts`, where there is something to see without a network. */
  main?: Program;
  /** Its server; a lesson that has one has a client as well. */
  server?: Server;
  /** Its client. */
  client?: Script;
}

/** A lesson with a network. */
export type ServerLesson = Lesson & Required<Pick<Lesson, "server" | "client">>;

/** A script of a lesson. */
export interface Script {
  /** What it may do, as options of `deno run`. */
  permissions: string[];
  /** Its file below `lessons/`; that of its name in the lesson's folder, unless given. */
  path?: string;
  /** Options that it always gets. */
  args?: string[];
}

/** A program of a lesson. */
export interface Program extends Script {
  /** It schedules coroutines, and can trace them. */
  coroutines?: true;
  /** It measures by itself, for minutes: it has the terminal alone, and no costs of its own. */
  measures?: true;
}

/** The server of a lesson. */
export interface Server extends Script {
  /** How many clients it serves at a time, where the next one has to wait until one has gone. */
  atOnce?: number;
  /** It starts a thread for each client, which takes some time. */
  threads?: true;
  /** Loops in other threads serve its clients, and its main thread may make no call for them. */
  loops?: true;
  /** It starts processes at its beginning, which serve the clients. */
  processes?: true;
  /** Options for the run that its lesson shows, which the tests do not give it. */
  shown?: string[];
  /** It never sleeps: an idle server uses a whole core. */
  polling?: true;
  /**
   * Deno's own sockets do the work. Their calls cannot be seen, and Deno opens more descriptors
   * half a second after its start.
   */
  native?: true;
  /** It needs io_uring, which some kernels do not have and some containers forbid. */
  needsIoUring?: true;
  /** It closes the connections of clients that are silent or slow for too long. */
  limits?: true;
  /** What it speaks, unless that is shout. */
  protocol?: "chat";
  /** It is a proxy: the lesson whose server stands behind it. */
  behind?: string;
  /** Other servers for the same idea, which the tests go through as well. */
  variants?: Variant[];
}

/** Another server of a lesson. */
export interface Variant {
  /** What sets it apart: `06/edge-triggered` is the variant `edge-triggered` of lesson 06. */
  name: string;
  /** Its script; `server.ts` unless given. */
  script?: string;
  /** Its options. */
  args?: string[];
  /** How many clients it serves at a time, if fewer than the lesson's own server. */
  atOnce?: number;
  /** What it may do, if that is not what the lesson's own server may. */
  permissions?: string[];
  /** Deno's own sockets do the work. */
  native?: true;
}

const client = { permissions: ["--allow-net"] };

/** All lessons, in their order. */
export const catalogue: readonly Lesson[] = [
  {
    number: "00",
    folder: "00-two-phases",
    title: "The two phases of a read",
    idea: "one recv is a wait and then a copy, separated by the kernel's timestamp",
    server: {
      permissions: ["--allow-ffi"],
      atOnce: 1,
      variants: [{ name: "two-calls", script: "two-calls.ts" }],
    },
    client,
  },
  {
    number: "01",
    folder: "01-blocking",
    title: "Blocking I/O",
    idea: "one thread, one client at a time",
    server: { permissions: ["--allow-ffi"], atOnce: 1 },
    client,
  },
  {
    number: "02",
    folder: "02-threads",
    title: "A thread for each client",
    idea: "a thread (a Worker) for each client",
    server: { permissions: ["--allow-ffi", "--allow-read"], threads: true },
    client,
  },
  {
    number: "03",
    folder: "03-nonblocking",
    title: "Non-blocking I/O",
    idea: "no call waits: poll every socket, again and again",
    server: { permissions: ["--allow-ffi"], polling: true },
    client,
  },
  {
    number: "04",
    folder: "04-select",
    title: "I/O multiplexing with select",
    idea: "one call waits for all sockets",
    server: { permissions: ["--allow-ffi"] },
    client,
  },
  {
    number: "05",
    folder: "05-poll",
    title: "poll",
    idea: "a list without select's limit of 1,024",
    server: { permissions: ["--allow-ffi"] },
    client,
  },
  {
    number: "06",
    folder: "06-epoll",
    title: "epoll",
    idea: "the kernel keeps the list and returns only the sockets that are ready",
    server: {
      permissions: ["--allow-ffi"],
      variants: [{ name: "edge-triggered", script: "edges.ts" }],
    },
    client: { permissions: ["--allow-ffi", "--allow-net"] },
  },
  {
    number: "07",
    folder: "07-selectors",
    title: "selectors",
    idea: "the best multiplexer available, and a callback for each socket",
    server: {
      permissions: ["--allow-ffi"],
      variants: [
        { name: "poll", script: "choose.ts", args: ["--selector", "poll"] },
        { name: "select", script: "choose.ts", args: ["--selector", "select"] },
      ],
    },
    client,
  },
  {
    number: "08",
    folder: "08-signal-driven",
    title: "Signal-driven I/O",
    idea: "the kernel interrupts the program: something happened somewhere",
    server: { permissions: ["--allow-ffi"], variants: [{ name: "queued", script: "queued.ts" }] },
    client,
  },
  {
    number: "09",
    folder: "09-io-uring",
    title: "io_uring",
    idea: "the kernel does both phases and reports completions",
    server: {
      permissions: ["--allow-ffi"],
      needsIoUring: true,
      variants: [{ name: "provided", script: "provided.ts" }],
    },
    client,
  },
  {
    number: "10",
    folder: "10-generators",
    title: "Generators",
    idea: "yield switches between two pieces of code on one thread",
    main: { permissions: [] },
  },
  {
    number: "11",
    folder: "11-delegation",
    title: "Delegation",
    idea: "yield* delegates to another generator",
    main: { permissions: [] },
  },
  {
    number: "12",
    folder: "12-sleep-scheduler",
    title: "A sleep scheduler",
    idea: "a scheduler resumes the coroutine that wakes up first",
    main: { permissions: [], coroutines: true },
  },
  {
    number: "13",
    folder: "13-event-loop",
    title: "An event loop",
    idea: "asyncio rebuilt: coroutines on top of a scheduler and a selector",
    main: { permissions: ["--allow-ffi"], coroutines: true },
    server: {
      permissions: ["--allow-ffi"],
      variants: [{ name: "smallest", script: "smallest.ts" }],
    },
    client,
  },
  {
    number: "14",
    folder: "14-greenlets",
    title: "Greenlets",
    idea: "code that looks blocking, and a hub that runs the others meanwhile",
    main: { permissions: ["--allow-ffi"], coroutines: true },
    server: {
      permissions: ["--allow-ffi"],
      variants: [{ name: "plain", args: ["--plain"], atOnce: 1 }],
    },
    client,
  },
  {
    number: "15",
    folder: "15-async-await",
    title: "async and await",
    idea: "Deno's own listen and await, with its own epoll instance underneath",
    main: { permissions: ["--allow-ffi"] },
    server: { permissions: ["--allow-ffi", "--allow-net"], native: true },
    client,
  },
  {
    number: "16",
    folder: "16-comparison",
    title: "Every model under one load",
    idea: "all servers and their usual alternatives, measured side by side",
    main: { permissions: ["-A"], measures: true },
  },
  {
    number: "17",
    folder: "17-claims",
    title: "What people say",
    idea: "common claims about I/O models, each with an experiment and a verdict",
    main: { permissions: ["-A"] },
  },
  {
    number: "18",
    folder: "18-thread-pool",
    title: "A thread pool",
    idea: "threads accept from one socket, or take clients out of a queue",
    server: {
      permissions: ["--allow-ffi", "--allow-read"],
      atOnce: 8,
      variants: [{ name: "queue", script: "queue.ts" }],
    },
    client,
  },
  {
    number: "19",
    folder: "19-processes",
    title: "Processes",
    idea: "processes that inherit the listener, and a supervisor that starts them again",
    server: {
      permissions: ["--allow-ffi"],
      atOnce: 4,
      processes: true,
      shown: ["--crash", "die"],
    },
    client,
  },
  {
    number: "20",
    folder: "20-loop-per-core",
    title: "A loop for each core",
    idea: "an event loop on each core, and three ways to spread clients over them",
    server: {
      permissions: ["--allow-ffi", "--allow-read"],
      loops: true,
      variants: [
        { name: "one", args: ["--loops", "1"] },
        { name: "shared", script: "shared.ts" },
        { name: "herd", script: "shared.ts", args: ["--herd"] },
        { name: "handing", script: "handing.ts" },
      ],
    },
    client: { permissions: ["--allow-ffi", "--allow-net"] },
  },
  {
    number: "21",
    folder: "21-computing",
    title: "Computing off the loop",
    idea: "threads compute behind the loop, and an eventfd reports what is done",
    server: {
      permissions: ["--allow-ffi"],
      variants: [{
        name: "offload",
        script: "offload.ts",
        permissions: ["--allow-ffi", "--allow-read"],
      }],
    },
    client,
  },
  {
    number: "22",
    folder: "22-lifetime",
    title: "A server's life",
    idea: "limits to silence, to visits and to their number; a graceful end, and a restart",
    server: {
      permissions: ["--allow-ffi"],
      limits: true,
      shown: ["--idle", "400", "--deadline", "1200", "--limit", "6"],
      variants: [
        { name: "limited", args: ["--idle", "8000", "--deadline", "30000", "--limit", "1000"] },
      ],
    },
    client,
  },
  {
    number: "23",
    folder: "23-chat",
    title: "A chat room",
    idea: "what one client says goes to all others, and a slow reader is dropped",
    server: {
      permissions: ["--allow-ffi"],
      protocol: "chat",
      variants: [{
        name: "room",
        script: "room.ts",
        permissions: ["--allow-net"],
        native: true,
      }],
    },
    client,
  },
  {
    number: "24",
    folder: "24-zero-copy",
    title: "Zero copy",
    idea: "a proxy whose bytes stay in the kernel: splice removes the second phase itself",
    server: {
      permissions: ["--allow-ffi"],
      behind: "06",
      variants: [{ name: "copying", script: "copying.ts" }],
    },
    client,
  },
];

/** The lessons that have a server. */
export const serverLessons: readonly ServerLesson[] = catalogue.filter(hasServer);

function hasServer(lesson: Lesson): lesson is ServerLesson {
  return lesson.server !== undefined;
}

/**
 * Finds what a person means: `03` or `3` for a lesson, `06/edge-triggered` for a variant, which is
 * the lesson with another server and without a program.
 *
 * @returns undefined if there is no such lesson or variant.
 */
export function findLesson(text: string): Lesson | undefined {
  const [, number, name] = /^(\d{1,2})(?:\/(.+))?$/.exec(text) ?? [];
  const lesson = catalogue.find((lesson) => lesson.number === number?.padStart(2, "0"));
  if (lesson === undefined || name === undefined) return lesson;
  const variant = lesson.server?.variants?.find((variant) => variant.name === name);
  return variant && withVariant(lesson, variant);
}

function withVariant(lesson: Lesson, variant: Variant) {
  const { name, script = "server.ts", args, ...traits } = variant;
  const { folder, title, server } = lesson;
  const other = { ...server!, ...traits, path: `${folder}/${script}`, args };
  return { ...lesson, title: `${title}, ${name}`, main: undefined, server: other };
}

/** A server of the catalogue: that of a lesson, or one of its variants. */
export interface CatalogueServer extends Server {
  /** Its name, such as `06 epoll edge-triggered`. */
  name: string;
  /** The lesson that it belongs to. */
  lesson: ServerLesson;
  /** The script. */
  script: URL;
  /** Its options. */
  args: string[];
  /** Whether it is a variant. */
  variant: boolean;
}

/** All servers, each lesson's variants behind its own. */
export const servers: readonly CatalogueServer[] = serverLessons.flatMap((lesson) => {
  const { folder, server } = lesson;
  return [undefined, ...server.variants ?? []].map((variant) => {
    const { path = `${folder}/server.ts`, args = [], ...rest } = variant === undefined
      ? server
      : withVariant(lesson, variant).server;
    return {
      ...rest,
      name: `${folder.replace("-", " ")} ${variant?.name ?? ""}`.trimEnd(),
      lesson,
      script: new URL(path, LESSONS),
      args,
      variant: variant !== undefined,
    };
  });
});
