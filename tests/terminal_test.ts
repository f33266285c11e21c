/** What people see at a terminal of 80 columns: no line breaks a word. */

import { assert, assertEquals } from "@std/assert";
import { stripVTControlCharacters } from "node:util";
import { wrapped } from "../shared/tools/process/terminal.ts";
import { ROOT, terminal } from "./processes.ts";

Deno.test("wrapped() breaks between words, and lets colours take no room", () => {
  assertEquals(wrapped(["one", "two", "three"], 7), ["one two", "three"]);
  assertEquals(wrapped(["\x1b[1mone\x1b[22m", "two"], 7), ["\x1b[1mone\x1b[22m two"]);
  assertEquals(wrapped(["a word that is too long"], 5), ["a word that is too long"]);
  assertEquals(wrapped(["a", "b"], 10, "  "), ["a  b"]);
});

Deno.test({
  name: `at a terminal of 80 columns, the list of lessons fits${
    terminal ? "" : " (skipped: there is no script(1))"
  }`,
  ignore: terminal === undefined,
  fn: async () => {
    const command = `stty cols 80 rows 24; ${Deno.execPath()} run -A shared/tools/lesson/main.ts`;
    const { code, stdout } = await new Deno.Command(terminal!, {
      args: ["-qec", command, "/dev/null"],
      cwd: ROOT,
      env: { TERM: "xterm", NO_COLOR: "1", XDG_STATE_HOME: "/dev/null" },
      stdin: "null",
    }).output();
    assertEquals(code, 0);
    const lines = stripVTControlCharacters(new TextDecoder().decode(stdout)).split("\r\n");
    assert(lines.length > 40, lines.join("\n"));
    for (const line of lines) assert(line.length <= 80, line);
  },
});
