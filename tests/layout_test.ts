/**
 * Every constant and every structure of `shared/linux`, compared with the C headers'.
 *
 * The modules are found in the folder, and what they define is looked up in C by its name, so that
 * a new module is compared as soon as it is there. A name that C does not know is a compiler's
 * error, unless it is listed here as our own.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { constants } from "node:os";
import * as libc from "../shared/linux/libc.ts";

const FOLDER = new URL("../shared/linux/", import.meta.url);

/** The tables of prototypes in `libc.ts`, which have names in capitals. */
const TABLES = Object.entries<unknown>({ ...libc }).filter(([name]) => !/[a-z]/.test(name));
const PROTOTYPES: Record<string, Deno.ForeignFunction & { name?: string }> = Object.assign(
  {},
  ...TABLES.map(([, table]) => table),
);
delete PROTOTYPES.environ; // a variable

const HEADERS = `
  #define _GNU_SOURCE
  #include <errno.h>
  #include <fcntl.h>
  #include <netinet/in.h>
  #include <netinet/tcp.h>
  #include <poll.h>
  #include <pthread.h>
  #include <signal.h>
  #include <spawn.h>
  #include <stddef.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <string.h>
  #include <sys/epoll.h>
  #include <sys/eventfd.h>
  #include <sys/ioctl.h>
  #include <sys/mman.h>
  #include <sys/prctl.h>
  #include <sys/resource.h>
  #include <sys/select.h>
  #include <sys/sendfile.h>
  #include <sys/signalfd.h>
  #include <sys/socket.h>
  #include <sys/stat.h>
  #include <sys/syscall.h>
  #include <sys/timerfd.h>
  #include <sys/uio.h>
  #include <sys/wait.h>
  #include <time.h>
  #include <linux/errqueue.h>
  #include <unistd.h>
  #if __has_include(<linux/io_uring.h>)
  #include <linux/io_uring.h>
  #endif
`;

/** Structures whose fields have a prefix in C. */
const prefixes: Record<string, string> = {
  CMSGHDR: "cmsg_",
  MSGHDR: "msg_",
  RUSAGE: "ru_",
  SIGNALFD_SIGINFO: "ssi_",
  SOCKADDR_IN: "sin_",
  SOCK_EXTENDED_ERR: "ee_",
};

/** What our names stand for where C has no such constant or field. */
const expressions: Record<string, string> = {
  SOMAXCONN: "4096", // Linux since 5.4; the C library still says 128
  SIGSET_T_SIZE: "sizeof(sigset_t)", // a typedef
  "CMSGHDR.data": "CMSG_LEN(0)",
};

/** Names in capitals that are ours alone. */
const ours = new Set([
  ...TABLES.map(([name]) => name),
  "DATA", // epoll.ts: where a field is, in words
  "WORDS", // epoll.ts: the length of a structure, in words
  "SQ_ENTRIES", // io_uring/ring.ts: how long the rings are
  "CQ_ENTRIES",
  "MOST_BUFFERS", // io_uring/buffers.ts: how many there can be
]);

/** What the modules take for granted about structures that they write as plain arrays of words. */
const assumed: [expression: string, value: number][] = [
  ["sizeof(fd_set)", 1024 / 8],
  ["sizeof(int)", 4],
  ["sizeof(socklen_t)", 4],
  ["sizeof(struct iovec)", 16],
  ["offsetof(struct iovec, iov_base)", 0],
  ["offsetof(struct iovec, iov_len)", 8],
  ["sizeof(struct itimerspec)", 32],
  ["offsetof(struct itimerspec, it_interval)", 0],
  ["offsetof(struct itimerspec, it_value)", 16],
  ["sizeof(struct linger)", 8],
  ["offsetof(struct linger, l_onoff)", 0],
  ["offsetof(struct linger, l_linger)", 4],
  ["sizeof(struct rlimit)", 16],
  ["offsetof(struct rlimit, rlim_cur)", 0],
  ["offsetof(struct rlimit, rlim_max)", 8],
  ["sizeof(struct timespec)", 16],
  ["offsetof(struct timespec, tv_sec)", 0],
  ["offsetof(struct timespec, tv_nsec)", 8],
  ["sizeof(struct timeval)", 16],
  ["offsetof(struct timeval, tv_sec)", 0],
  ["offsetof(struct timeval, tv_usec)", 8],
  ["sizeof(((struct sockaddr_in *) 0)->sin_family)", 2],
  ["offsetof(struct sockaddr_in, sin_family)", 0],
  ["offsetof(struct sockaddr_in, sin_port)", 2],
  ["offsetof(struct sockaddr_in, sin_addr)", 4],
];

/** How many bytes an argument or a result has, by its type in a prototype of ours. */
const SIZES: Record<string, number> = {
  i32: 4,
  u32: 4,
  i64: 8,
  u64: 8,
  isize: 8,
  usize: 8,
  buffer: 8,
  pointer: 8,
};

/** C types that are declared as 32 bits on purpose, see `libc.ts`. */
const NARROWED = ["nfds_t", "size_t", "ssize_t"];

/** The compiler's name, or undefined if there is none. */
const compiler = ["cc", "gcc", "clang"].find((name) => {
  try {
    return new Deno.Command(name, { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
});

/** A number of ours, with the C expression that it has to equal. */
interface Row {
  name: string;
  expression: string;
  value: bigint;
}

function rowOf(name: string, expression: string, value: number | bigint): Row {
  // The program prints signed numbers of 64 bits, in which C's largest unsigned one is -1.
  return { name, expression, value: BigInt.asIntN(64, BigInt(value)) };
}

/** The rows of a constant, or of a structure: `NAME` (an object of offsets), and `NAME_SIZE`. */
function rowsOf(name: string, value: unknown): Row[] {
  if (typeof value === "number" || typeof value === "bigint") {
    const structure = /^(.+)_SIZE$/.exec(name)?.[1].toLowerCase();
    const expression = structure === undefined ? name : `sizeof(struct ${structure})`;
    return [rowOf(name, expressions[name] ?? expression, value)];
  }
  if (typeof value !== "object") throw new Error(`${name} is no constant that C could know`);
  return Object.entries(value as Record<string, number>).map(([field, offset]) => {
    const own = `${name}.${field}`;
    const member = `${prefixes[name] ?? ""}${field}`;
    const expression = `offsetof(struct ${name.toLowerCase()}, ${member})`;
    return rowOf(own, expressions[own] ?? expression, offset);
  });
}

/** The constants that a module keeps to itself, as far as they are plain numbers. */
function privateConstants(source: string): [name: string, value: bigint][] {
  const pattern = /^const ([A-Z][A-Z0-9]*_?\w*) = (2n \*\* 64n - 1n|0x[\da-f]+|0o[0-7]+|[\d_]+);/gm;
  return [...source.matchAll(pattern)].map(([, name, literal]) => [
    name,
    literal.startsWith("2n") ? 2n ** 64n - 1n : BigInt(literal.replaceAll("_", "")),
  ]);
}

/** All modules in a folder, and in those below it. */
function modulesIn(folder: URL): URL[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? modulesIn(new URL(`${name}/`, folder)) : [new URL(name, folder)]
  );
}

/** Everything of `shared/linux` that C can tell. */
async function expectations(): Promise<Row[]> {
  const rows = assumed.map(([expression, value]) => rowOf(expression, expression, value));
  for (const [name, value] of Object.entries(constants.errno)) rows.push(...rowsOf(name, value));
  for (const url of modulesIn(FOLDER)) {
    const all = [
      ...Object.entries(await import(url.href)).filter(([name]) => /^[A-Z][A-Z0-9_]+$/.test(name)),
      ...privateConstants(await Deno.readTextFile(url)),
    ];
    for (const [name, value] of all) if (!ours.has(name)) rows.push(...rowsOf(name, value));
  }
  return rows;
}

/** Compiles a C program and runs it; returns what it prints, line by line. */
async function runC(body: string): Promise<string[]> {
  const directory = await Deno.makeTempDir();
  try {
    const source = `${HEADERS}\nint main(void) {\n${body}\nreturn 0;\n}\n`;
    await Deno.writeTextFile(`${directory}/layout.c`, source);
    const strict = ["-Werror", "-Wconversion", "-Wincompatible-pointer-types"];
    const { success, stderr } = await new Deno.Command(compiler!, {
      args: [...strict, "-o", `${directory}/layout`, `${directory}/layout.c`],
    }).output();
    assertEquals(success, true, new TextDecoder().decode(stderr));
    const { stdout } = await new Deno.Command(`${directory}/layout`).output();
    return new TextDecoder().decode(stdout).trim().split("\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function compilerTest(name: string, fn: () => Promise<void>) {
  const ignore = compiler === undefined;
  Deno.test({ name: ignore ? `${name} (skipped: no C compiler)` : name, ignore, fn });
}

compilerTest("constants and structures are those of the C headers", async () => {
  const rows = await expectations();
  // Were the modules not found, or none of their names, nothing would be compared.
  assertGreater(rows.length - assumed.length, 150);
  const printed = await runC(
    rows.map(({ expression }) => `printf("%lld\\n", (long long) (${expression}));`).join("\n"),
  );
  // As one object each, so that a difference shows the name.
  assertEquals(
    Object.fromEntries(rows.map(({ name, value }) => [name, value])),
    Object.fromEntries(rows.map(({ name }, i) => [name, BigInt(printed[i])])),
  );
});

/** A symbol of `libc.ts`, and the C prototype that stands above it. */
interface Prototype {
  name: string;
  /** What it is called in C, and what it returns there. */
  result: string;
  nameInC: string;
  /** C declarations, without the dots of a variadic function. */
  parameters: string[];
  variadic: boolean;
  symbol: Deno.ForeignFunction & { name?: string };
}

function prototypes(): Prototype[] {
  const source = Deno.readTextFileSync(new URL("libc.ts", FOLDER));
  const comments = source.matchAll(/^ {2}\/\*\*\s((?:(?!\*\/)[^])+?)\s*\*\/\n {2}(\w+): \{/gm);
  const found = [...comments].filter(([, , name]) => name in PROTOTYPES);
  return found.map(([, lines, name]) => {
    const text = lines.replaceAll(/(^|\n) *\* /g, " ").trim();
    const match = /^([\w ]+?[ *]+)(\w+)\((.*?)\);/.exec(text);
    if (match === null) throw new Error(`above ${name} stands no prototype: ${text}`);
    const parameters = match[3] === "void" ? [] : match[3].split(/, */);
    return {
      name,
      result: match[1].trim(),
      nameInC: match[2],
      parameters: parameters.filter((parameter) => parameter !== "..."),
      variadic: parameters.includes("..."),
      symbol: PROTOTYPES[name],
    };
  });
}

Deno.test("above each symbol of libc stands the C prototype of that function", () => {
  const found = prototypes();
  assertEquals(found.map(({ name }) => name).sort(), Object.keys(PROTOTYPES).sort());
  for (const { name, nameInC, parameters, variadic, symbol } of found) {
    const alias = symbol.name === "syscall" ? undefined : symbol.name;
    assertEquals(nameInC, alias ?? name);
    // A bare system call has its number in front, and of the variable arguments one is used.
    const more = (symbol.name === "syscall" ? 1 : 0) + (variadic ? 1 : 0);
    assertEquals(symbol.parameters.length, parameters.length + more, `parameters of ${name}`);
  }
});

compilerTest("the C prototypes are those of the headers, with types as wide as ours", async () => {
  // The C library has no functions for the bare system calls.
  const known = prototypes().filter(({ symbol }) => symbol.name !== "syscall");
  assertGreater(known.length, 20);
  const expected: string[] = [];
  const body = known.flatMap(({ name, nameInC, result, parameters, symbol }) => {
    const types = [...symbol.parameters, symbol.result] as string[];
    const declarations = [...parameters, `${result} result`];
    const names = declarations.map((declaration) => /\w+$/.exec(declaration)![0]);
    // An array of variable arguments has nothing to be compared with.
    const compared = names.map((own, i) => {
      const type = i === parameters.length ? types.at(-1)! : types[i];
      const narrowed = NARROWED.some((word) => declarations[i].startsWith(`${word} `));
      expected.push(`${name} ${own} ${narrowed ? 8 : SIZES[type]}`);
      return `printf("${name} ${own} %zu\\n", sizeof(${own}));`;
    });
    // It is compiled, which checks the types, but never called.
    const call = `if (0) result = (${nameInC})(${names.slice(0, -1).join(", ")});`;
    const zeros = declarations.map((declaration) => `${declaration} = 0;`);
    return [`{ ${zeros.join(" ")} ${call}`, ...compared, "(void) result; }"];
  });
  assertEquals(await runC(body.join("\n")), expected);
});
