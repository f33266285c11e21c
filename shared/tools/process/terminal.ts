/**
 * Text for a terminal: lines that break between words.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";

/** How wide the output may be: what the terminal says, or 80 characters. */
export function columns(): number {
  return (Deno.stdout.isTerminal() && Deno.consoleSize().columns) || 80;
}

/** Words in lines that are at most `width` characters wide, with a gap between words. */
export function wrapped(words: readonly string[], width: number, gap = " "): string[] {
  const lines: { text: string; length: number }[] = [];
  for (const word of words) {
    const { length } = stripVTControlCharacters(word); // colours take no room
    const last = lines.at(-1);
    if (last !== undefined && last.length + gap.length + length <= width) {
      last.text += gap + word;
      last.length += gap.length + length;
    } else lines.push({ text: word, length });
  }
  return lines.map(({ text }) => text);
}

/**
 * Prints a sentence. At a terminal, its lines break between words, and the second and later ones
 * begin further to the right; anywhere else it is one line, which is easier to search.
 *
 * @param indent The beginning of the first line.
 * @param hanging How much further to the right the others begin.
 */
export function printSentence(sentence: string, indent = "", hanging = 2): void {
  if (!Deno.stdout.isTerminal()) return console.log(indent + sentence);
  const width = columns() - indent.length - hanging;
  wrapped(sentence.split(" "), width).forEach((line, i) =>
    console.log(indent + (i === 0 ? "" : " ".repeat(hanging)) + line)
  );
}
