/**
 * What a person reads (READMEs, comments, help, output, errors, names of tests) is plain English:
 * the worst patterns of an earlier version must not come back.
 */

import { assert, assertEquals } from "@std/assert";
import { tokensOf } from "../shared/tools/note/tokens.ts";
import { ROOT } from "./processes.ts";
import { filesBelow } from "./tree.ts";

/** What must not be written, and what to write in its place. */
const PATTERNS: [pattern: RegExp, better: string][] = [
  [/\b([Hh]e|[Hh]im|[Hh]is|[Hh]imself)\b/, "a client, a server or a socket is `it`"],
  [/\b(clients?|servers?|sockets?|threads?|coroutines?|greenlets?|others?) who\b/, "`that`"],
  [/\b([Tt]hose|[Oo]ne|[Aa]ll|[Ss]omebody|[Nn]obody) who\b/, "name who or what it is"],
  [/(^|[.:;] )Who [a-z][^.?]*[.,]/m, "`A thread that …`"],
  [/\b[Ww]hoever\b/, "name who or what it is"],
  [/\b(told|tells|telling)\b(?! apart\b)/, "report, log, print, notify, show"],
  [/\btell (it|them|the|of|who|each|this|that|a|us|you)\b/, "report, log, print, notify, show"],
  [/\bin vain\b/, "polls, idle, returns EAGAIN"],
  [/\bright (repl|server|answer|client|byte|order)/, "correct"],
  [/\bfor ever\b/, "forever"],
  [/(?<!\b(takes?|took|taken|waits?|for|times|is|longer) )\bas long as\b/, "while"],
  [/\bwhat becomes? of\b/, "what happens to"],
  [/\b(has|have|had) got\b/, "has"],
  [/\bto be seen\b/, "is shown, is drawn, you see"],
  [/\b(under|in) (their|its) hands\b/, "behind their backs"],
  [/\bworth (its|their|a) (money|name)\b/, "say what it is worth"],
];

/** What people read of a file: of a program, its comments and its texts. */
function readable(path: string): { line: number; text: string }[] {
  const source = Deno.readTextFileSync(ROOT + path);
  if (!path.endsWith(".ts")) return [{ line: 1, text: source }];
  return tokensOf(source).filter(({ kind }) => kind === "comment" || kind === "text")
    .map(({ text, start }) => ({ line: source.slice(0, start).split("\n").length, text }));
}

/** Where a file has one of the patterns, and what would be better. */
function faultsIn(path: string): string[] {
  return readable(path).flatMap(({ line, text }) => {
    // A sentence goes on in the next line of a comment.
    const sentence = text.replaceAll(/\n *(\*|\/\/)? */g, "\n");
    return PATTERNS.flatMap(([pattern, better]) => {
      const at = sentence.replaceAll("\n", " ").search(pattern);
      if (at === -1) return [];
      const number = line + sentence.slice(0, at).split("\n").length - 1;
      return [
        `${path}:${number}: "${pattern.exec(sentence.replaceAll("\n", " "))![0]}" (${better})`,
      ];
    });
  });
}

// This file has to name what it forbids.
const files = filesBelow().filter((path) => path !== "tests/voice_test.ts")
  .filter((path) => /\.(ts|md|mjs|py|c)$/.test(path) || path === ".ci/run");

Deno.test("keeps the worst patterns out of the user-visible text", () => {
  assert(files.length > 250, `only ${files.length} files were found`);
  assertEquals(files.flatMap(faultsIn), []);
});

Deno.test("the patterns find what they are meant for, and let what is correct pass", () => {
  const found = (text: string) => PATTERNS.filter(([pattern]) => pattern.test(text)).length;
  for (
    const text of [
      "who does not read his replies",
      "those servers who scan",
      "epoll tells of it",
      "Who asks in vain does so.",
      "5 clients, 5 right replies",
      "as long as it is ready",
      "it has got a descriptor",
      "waits for ever",
    ]
  ) assert(found(text) > 0, text);
  for (
    const text of [
      "the threads are told apart",
      "it takes as long as the other side likes",
      "Who copies the bytes?",
      "the user who sent it",
      "this is the right place",
    ]
  ) assertEquals(found(text), 0, text);
});
