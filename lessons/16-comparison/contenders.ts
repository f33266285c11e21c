/**
 * The servers that are compared: those of the lessons, and what people would use instead.
 *
 * @module
 */

import { stripTypeScriptTypes } from "node:module";
import { servers } from "../../shared/tools/lesson/catalogue.ts";
import { denoRun } from "../../shared/tools/process/child.ts";
import { recorderUrl } from "../../shared/tools/trace/settings.ts";

/** A server that can be measured. */
export interface Contender {
  /** Its name, such as `06 epoll` or `Node net`. */
  name: string;
  /** How it is started; it prints `listening on HOST:PORT`, and speaks shout. */
  command: string[];
  /**
   * How it is started under the recorder, which counts its system calls in a file. The calls of
   * others are counted by strace.
   */
  recorded?(counts: string): string[];
  /** It is the server of a lesson, started in another way. */
  variant?: boolean;
  /** It needs io_uring, which some machines do not have. */
  needsIoUring?: boolean;
  /** How many connections it can serve at once, and why no more. */
  most?: Most;
}

/** A limit of a server's connections. */
export interface Most {
  /** How many it can serve at once. */
  connections: number;
  /** Why no more, as the end of a sentence. */
  because: string;
}

/** A server that this machine lacks. */
export interface Missing {
  /** Its name. */
  name: string;
  /** What would bring it. */
  needs: string;
}

/** The server that the others are compared with. */
export const REFERENCE = "C epoll";

const PEERS = `${import.meta.dirname}/peers/`;

/** The servers of the lessons, in all their variants, but for those that do not speak shout. */
function lessonServers(): Contender[] {
  // A proxy is left out: with the server behind it, each of its messages is served twice.
  const comparable = servers.filter(({ protocol, behind }) => (protocol ?? behind) === undefined);
  return comparable.map((server) => {
    const { name, lesson: { folder }, script, args, variant } = server;
    const options = ["--port", "0", ...args];
    return {
      name,
      command: denoRun(script, server.permissions, options),
      recorded: server.native ? undefined : (counts) =>
        denoRun(
          script,
          server.permissions,
          options,
          recorderUrl(server.permissions, { counts, name }),
        ),
      variant,
      needsIoUring: server.needsIoUring,
      most: limitOf(folder, args, server.atOnce),
    };
  });
}

function limitOf(folder: string, args: string[], atOnce?: number): Most | undefined {
  if (atOnce !== undefined) {
    const clients = atOnce === 1 ? "one client" : `${atOnce} clients`;
    return { connections: atOnce, because: `they serve ${clients} at a time` };
  }
  if (folder === "02-threads") return { connections: 100, because: "100 threads are the most" };
  if (folder === "04-select" || args.includes("select")) {
    return { connections: 1000, because: "select ends at descriptor 1,023" };
  }
}

/** What people would use instead. */
interface Peer extends Missing {
  /** It needs io_uring, which some machines do not have. */
  needsIoUring?: boolean;
  /** It is another one of these, with more loops. */
  variant?: boolean;
  /**
   * How it is started; undefined if this machine lacks it.
   *
   * @param directory Where a compiled program may be put.
   */
  command(directory: string): string[] | undefined;
}

const peers: readonly Peer[] = [
  {
    name: REFERENCE,
    needs: "a C compiler, such as Debian's gcc",
    command: (directory) => compile("epoll.c", directory),
  },
  {
    name: "C loops", // not "C epoll loops", which --only "c epoll" would mean as well
    needs: "a C compiler, such as Debian's gcc",
    variant: true,
    command: (directory) => compile("epoll_loops.c", directory, "-pthread"),
  },
  {
    name: "C io_uring",
    needs: "a C compiler and the headers of Linux 6.1, such as Debian's gcc and linux-libc-dev",
    needsIoUring: true,
    command: (directory) => compile("io_uring.c", directory),
  },
  {
    name: "Deno.listen",
    needs: "",
    command: () => [Deno.execPath(), "run", "--quiet", "--allow-net", `${PEERS}deno_listen.ts`],
  },
  {
    name: "Node net",
    needs: "Node.js, such as Debian's nodejs",
    command: () =>
      nodeVersion() === undefined
        ? undefined
        : ["node", `${PEERS}node.mjs`, withoutTypes("shout.ts")],
  },
  python("selectors", "python3", "py_selectors.py"),
  python("asyncio", "python3", "py_asyncio.py"),
  python("uvloop", "python3-uvloop", "py_asyncio.py", "uvloop"),
  python("gevent", "python3-gevent", "py_gevent.py"),
];

function python(module: string, needed: string, script: string, ...args: string[]): Peer {
  return {
    name: `Python ${module}`,
    needs: `Debian's ${needed}`,
    command() {
      const python = ["python3", "/usr/bin/python3"] // Debian's packages are Debian's Python's
        .find((python) => output([python, "-c", `import ${module}`]) !== undefined);
      return python === undefined ? undefined : [python, PEERS + script, ...args];
    },
  };
}

/** Compiles a peer that is written in C; undefined if that is not possible here. */
function compile(source: string, directory: string, ...options: string[]): string[] | undefined {
  const program = `${directory}/${source.replace(".c", "")}`;
  const compiler = ["cc", "-O3", ...options, "-o", program, PEERS + source];
  return output(compiler) === undefined ? undefined : [program];
}

/**
 * A module of `shared/` as JavaScript, in a URL: Node 20 cannot import TypeScript, and all peers in
 * JavaScript use the same `shout`.
 */
function withoutTypes(name: string): string {
  const source = Deno.readTextFileSync(new URL(`../../shared/${name}`, import.meta.url));
  return `data:text/javascript,${encodeURIComponent(stripTypeScriptTypes(source))}`;
}

/** The servers that are measured, and those that cannot be. */
export interface Choice {
  /** The servers that are measured. */
  contenders: Contender[];
  /** The servers that this machine lacks. */
  missing: Missing[];
  /** Words that no name has in it. */
  unknown: string[];
}

/**
 * Chooses servers by words in their names, separated by commas. Without any word, it chooses all,
 * but of each lesson only the server itself, and no variant.
 *
 * @param directory Where a compiled program may be put.
 */
export function choose(words: string, directory: string): Choice {
  const wanted = words === "" ? [] : words.toLowerCase().split(",");
  function isWanted({ name, variant = false }: { name: string; variant?: boolean }) {
    return words === "" ? !variant : wanted.some((word) => name.toLowerCase().includes(word));
  }
  const lessons = lessonServers();
  const contenders: Contender[] = lessons.filter(isWanted);
  const missing: Missing[] = [];
  for (const { name, needs, needsIoUring, command } of peers.filter(isWanted)) {
    const found = command(directory);
    if (found === undefined) missing.push({ name, needs });
    else contenders.push({ name, command: found, needsIoUring });
  }
  const names = [...lessons, ...peers].map(({ name }) => name.toLowerCase());
  const unknown = wanted.filter((word) => !names.some((name) => name.includes(word)));
  return { contenders, missing, unknown };
}

/** The version of Node.js; undefined if there is none. */
export function nodeVersion(): string | undefined {
  // Where Node.js is missing, Deno may be installed under its name.
  const versions = output(["node", "-p", "process.versions.deno ? '' : process.versions.node"]);
  return versions || undefined;
}

/** What a program prints; undefined if it cannot be run, or fails. */
export function output([program, ...args]: string[]): string | undefined {
  try {
    const options = { args, stdin: "null", stdout: "piped", stderr: "null" } as const;
    const { success, stdout } = new Deno.Command(program, options).outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined; // there is no such program
  }
}
