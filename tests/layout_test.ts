/** Every constant and every structure of `shared/linux`, compared with the C headers'. */

import { assertEquals } from "@std/assert";
import * as descriptors from "../shared/linux/descriptors.ts";
import * as epoll from "../shared/linux/epoll.ts";
import * as errno from "../shared/linux/errno.ts";
import { PROTOTYPES } from "../shared/linux/libc.ts";
import * as memory from "../shared/linux/memory.ts";
import * as poll from "../shared/linux/poll.ts";
import * as select from "../shared/linux/select.ts";
import * as socket from "../shared/linux/socket.ts";
import * as time from "../shared/linux/time.ts";

const modules = [descriptors, epoll, errno, memory, poll, select, socket, time];

/** Structures, as `NAME` (an object of offsets) and `NAME_SIZE`, and what C calls them. */
const structures: Record<string, { type: string; prefix: string }> = {
  EPOLL_EVENT: { type: "struct epoll_event", prefix: "" },
  POLLFD: { type: "struct pollfd", prefix: "" },
  MSGHDR: { type: "struct msghdr", prefix: "msg_" },
  CMSGHDR: { type: "struct cmsghdr", prefix: "cmsg_" },
  SOCKADDR_IN: { type: "struct sockaddr_in", prefix: "sin_" },
};

/** What our names stand for where C has no such constant or field. */
const expressions: Record<string, string> = {
  SOMAXCONN: "4096", // Linux since 5.4; the C library still says 128
  "CMSGHDR.data": "CMSG_LEN(0)",
};

/** The compiler's name, or undefined if there is none. */
const compiler = ["cc", "gcc", "clang"].find((name) => {
  try {
    return new Deno.Command(name, { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
});

/** Each of our values, with the C expression that it has to equal. */
function expectations(): [name: string, expression: string, value: number][] {
  const rows: [string, string, number][] = [];
  for (const module of modules) {
    for (const [name, value] of Object.entries(module)) {
      if (!/^[A-Z][A-Z0-9_]+$/.test(name)) continue;
      const structure = structures[name.replace(/_SIZE$/, "")];
      if (typeof value === "number" && name.endsWith("_SIZE") && structure !== undefined) {
        rows.push([name, `sizeof(${structure.type})`, value]);
      } else if (typeof value === "number") {
        rows.push([name, expressions[name] ?? name, value]);
      } else if (structure !== undefined) {
        const { type, prefix } = structure;
        for (const [field, offset] of Object.entries(value as Record<string, number>)) {
          const ours = `${name}.${field}`;
          rows.push([ours, expressions[ours] ?? `offsetof(${type}, ${prefix}${field})`, offset]);
        }
      } else throw new Error(`${name} is neither a constant nor a structure that C knows`);
    }
  }
  return rows;
}

Deno.test({
  name: compiler === undefined
    ? "constants and structures are those of the C headers (skipped: no C compiler)"
    : "constants and structures are those of the C headers",
  ignore: compiler === undefined,
  fn: async () => {
    const rows = expectations();
    const source = `
      #define _GNU_SOURCE
      #include <errno.h>
      #include <fcntl.h>
      #include <netinet/in.h>
      #include <netinet/tcp.h>
      #include <poll.h>
      #include <stddef.h>
      #include <stdio.h>
      #include <sys/epoll.h>
      #include <sys/mman.h>
      #include <sys/resource.h>
      #include <sys/select.h>
      #include <sys/socket.h>
      #include <time.h>
      int main(void) {
        ${
      rows.map(([, expression]) => `printf("%lld\\n", (long long) (${expression}));`).join("\n")
    }
      }`;
    const directory = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${directory}/layout.c`, source);
      const { success, stderr } = await new Deno.Command(compiler!, {
        args: ["-o", `${directory}/layout`, `${directory}/layout.c`],
      }).output();
      assertEquals(success, true, new TextDecoder().decode(stderr));
      const { stdout } = await new Deno.Command(`${directory}/layout`).output();
      const values = new TextDecoder().decode(stdout).trim().split("\n").map(Number);
      // As one object each, so that a difference shows the name.
      assertEquals(
        Object.fromEntries(rows.map(([name, , value]) => [name, value])),
        Object.fromEntries(rows.map(([name], i) => [name, values[i]])),
      );
      assertEquals(rows.length > 80, true);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("beside each symbol of libc stands its own C prototype", async () => {
  const source = await Deno.readTextFile(new URL("../shared/linux/libc.ts", import.meta.url));
  const pairs = [
    ...source.matchAll(/\/\*\* (.+?)(?:; .*)?\*\/\n {2}(\w+): \{ parameters: (\[.*?\])/g),
  ];
  assertEquals(pairs.map(([, , name]) => name), Object.keys(PROTOTYPES));
  for (const [, prototype, name, parameters] of pairs) {
    const match = /\b(\w+)\((.*)\);?/.exec(prototype)!;
    assertEquals(match[1], name);
    const inC = match[2] === "void" ? 0 : match[2].split(",").length;
    assertEquals((parameters.match(/"/g)?.length ?? 0) / 2, inC, `parameters of ${name}`);
  }
});
