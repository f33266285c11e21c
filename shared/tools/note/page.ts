/**
 * A lesson as one page of Markdown, for the reader's own notes.
 *
 * @module
 */

import { type Lesson, LESSONS } from "../lesson/catalogue.ts";

/** The name of a lesson's file in a folder of notes, beside those of other lessons. */
export function noteName({ folder }: Lesson, file: string): string {
  return `${folder}-${file}`;
}

/** The picture of a lesson's timeline; undefined if there is none. */
export function timelineOf({ folder }: Lesson): string | undefined {
  try {
    return Deno.readTextFileSync(new URL(`${folder}/timeline.svg`, LESSONS));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** A page has so many lines at the most; scripts that do not fit are named, with what they show. */
const MOST = 400;

/**
 * The page: the idea, the scripts as they are, the run in the README and what it says of it, and
 * the terms of the glossary that occur in the lesson. The only link is to the picture, so the page
 * can be moved anywhere.
 *
 * @param picture The name of the timeline's file beside the page, if there is one.
 */
export function pageOf(lesson: Lesson, picture?: string): string {
  const { folder, number, title, idea } = lesson;
  const readme = Deno.readTextFileSync(new URL(`${folder}/README.md`, LESSONS));
  const scripts = scriptsOf(folder).map((name) => {
    const source = Deno.readTextFileSync(new URL(`${folder}/${name}`, LESSONS));
    return { name, source };
  });
  const introduction = readme.slice(readme.indexOf("\n"), readme.indexOf("\n## "));
  const text = [readme, ...scripts.map(({ source }) => source)].join("\n");
  const before = [
    frontMatter(lesson),
    `# ${number} · ${title}`,
    `> ${idea}`,
    withoutLinks(introduction),
    "## Where the thread is stuck",
    withoutLinks(sectionOf(readme, /^Where the threads? (is|are) stuck$/)),
  ];
  const after = [
    "## What it printed",
    shortened(withoutLinks(sectionOf(readme, /^What it printed$/))),
    ...picture === undefined ? [] : ["## Timeline", `![Timeline of lesson ${number}](${picture})`],
    withoutLinks(readme.slice(readme.indexOf("## What to notice"))),
    "## Terms",
    termsIn(text),
  ];
  // The scripts that are only named have a line each, below a heading between blank lines.
  let room = MOST - linesOf([...before, ...after]) - scripts.length - 3;
  const shown: string[] = [];
  const named: string[] = [];
  for (const { name, source } of scripts) {
    const part = `## ${name}\n\n${fenced("ts", source)}`;
    if (linesOf([part]) < room) {
      shown.push(part);
      room -= linesOf([part]);
    } else named.push(`- \`${name}\`: ${firstSentence(source)}`);
  }
  if (named.length > 0) shown.push(`## Other scripts\n\n${named.join("\n")}`);
  return [...before, ...shown, ...after].map((part) => part.trim()).join("\n\n") + "\n";
}

/** What tools for notes read at the beginning of a page. */
function frontMatter({ number, folder, title }: Lesson): string {
  return `---
title: "${number} · ${title}"
lesson: "${number}"
source: lessons/${folder}
tags: [network-io, lesson-${number}]
---`;
}

/** How many lines parts have on the page, with the blank lines between them. */
function linesOf(parts: string[]): number {
  return parts.reduce((sum, part) => sum + part.trim().split("\n").length + 1, 0);
}

/** The first sentence about a script, behind its title. */
function firstSentence(source: string): string {
  const [, comment] = /^\/\*\*\n((?: \*.*\n)+?) \*\//.exec(source) ?? [, ""];
  const paragraphs = comment!.replaceAll(/^ \* ?/gm, "").split("\n\n");
  const about = paragraphs.find((paragraph) => !paragraph.startsWith("Lesson ")) ?? "";
  return about.replaceAll("\n", " ").split(/(?<=\.) /)[0].trim();
}

/** Output without lines that are the same but for numbers: two of them stay, and their count. */
function shortened(markdown: string): string {
  const lines: string[] = [];
  for (const run of runsOf(markdown.split("\n"))) {
    if (run.length < 5) lines.push(...run);
    else lines.push(...run.slice(0, 2), `… ${run.length - 2} more lines like these`);
  }
  return lines.join("\n");
}

function runsOf(lines: string[]): string[][] {
  const runs: string[][] = [];
  let last: string | undefined;
  for (const line of lines) {
    const shape = line.replaceAll(/[\d.,]+/g, "0");
    if (shape === last && line.trim() !== "") runs.at(-1)!.push(line);
    else runs.push([line]);
    last = shape;
  }
  return runs;
}

/** The scripts of a lesson: those that it runs come first. */
export function scriptsOf(folder: string): string[] {
  const names = [...Deno.readDirSync(new URL(folder, LESSONS))]
    .map(({ name }) => name)
    .filter((name) => name.endsWith(".ts") && !name.startsWith("exercise.")) // a reader's copy
    .sort();
  const first = ["server.ts", "main.ts", "client.ts"].filter((name) => names.includes(name));
  return [...first, ...names.filter((name) => !first.includes(name))];
}

/** The text below a heading of a README. */
function sectionOf(readme: string, heading: RegExp): string {
  const sections = readme.split(/^## /m).slice(1);
  const section = sections.find((section) => heading.test(section.slice(0, section.indexOf("\n"))));
  return section === undefined ? "" : section.slice(section.indexOf("\n"));
}

/** Removes pictures, and keeps only the text of links to other files. */
function withoutLinks(markdown: string): string {
  return markdown
    .replaceAll(/^!\[[^\]]*\]\([^)]*\)\n*/gm, "")
    .replaceAll(/\[([^\]]*)\]\((?!https?:)[^)]*\)/g, "$1");
}

/** A block of code, with a fence longer than any in the code. */
function fenced(language: string, code: string): string {
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${code.trimEnd()}\n${fence}`;
}

/** The rows of the glossary whose terms occur in a text. */
function termsIn(text: string): string {
  const glossary = sectionOf(Deno.readTextFileSync(new URL("../README.md", LESSONS)), /^Glossary$/);
  const [head, line, ...rows] = glossary.trim().split("\n").filter((row) => row.startsWith("|"));
  const used = rows.filter((row) => {
    const terms = row.split("|")[1].trim().split(", ");
    // "copy the data" is mostly written as "the copy".
    return terms.some((term) => {
      const word = term.replace(/ (for )?the .*/, "").replaceAll(/[^\w ]/g, "\\$&");
      return new RegExp(`(?<![\\w-])${word}(s|es)?(?![\\w-])`, "i").test(text);
    });
  });
  return [head, line, ...used].join("\n");
}
