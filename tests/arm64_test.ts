/**
 * The servers on arm64, under emulation: structures of C differ there, such as epoll_event, which
 * is packed on x86-64 alone. Needs qemu-user, and Deno for arm64 in the variable DENO_ARM64.
 */

import { assertEquals } from "@std/assert";
import { Child } from "../shared/tools/process/child.ts";
import { visit } from "../shared/tools/check/clients.ts";
import { servers } from "../shared/tools/lesson/catalogue.ts";

const program = Deno.env.get("DENO_ARM64");
/** Debian's name, and that of others. */
const EMULATORS = ["qemu-aarch64-static", "qemu-aarch64"];
const emulator = EMULATORS.find((name) => {
  try {
    return new Deno.Command(name, { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
});
const reason = program === undefined
  ? "DENO_ARM64 does not name a Deno for arm64"
  : emulator === undefined
  ? "there is no qemu-aarch64"
  : "";

// The one whose structure differs. Each start takes some seconds under emulation.
const { name, script, permissions } = servers.find(({ lesson }) => lesson.number === "06")!;
Deno.test({
  name: `${name} serves clients on arm64${reason && ` (skipped: ${reason})`}`,
  ignore: reason !== "",
  fn: async () => {
    const libraries = ["-L", "/usr/aarch64-linux-gnu"];
    const options = ["run", "--quiet", "--no-prompt", "--no-check", ...permissions];
    const command = [emulator!, ...libraries, program!, ...options, script.href];
    await using server = new Child([...command, "--port", "0", "--connections", "3"]);
    const port = await server.listening(60_000);
    if (port === undefined) throw new Error(server.errors.join("\n") || "it does not listen");
    for (let i = 0; i < 3; i++) await visit({ host: "127.0.0.1", port });
    assertEquals((await server.ended).code, 0);
  },
});
