/**
 * A lesson as one page of Markdown, for the reader's own notes.
 *
 * @module
 */

import type { Lesson } from "../lesson/catalogue.ts";

const ROOT = new URL("../../../", import.meta.url);

/** The name of a lesson's file in a folder of notes, beside those of other lessons. */
export function noteName({ folder }: Lesson, file: string): string {
  return `${folder}-${file}`;
}

/** The picture of a lesson's timeline; undefined if there is none. */
export function timelineOf({ folder }: Lesson): string | undefined {
  try {
    return Deno.readTextFileSync(new URL(`lessons/${folder}/timeline.svg`, ROOT));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * The page: the idea, the scripts as they are, the run in the README, and the terms of the glossary
 * that occur in the lesson. The only link is to the picture, so the page can be moved anywhere.
 *
 * @param picture The name of the timeline's file beside the page, if there is one.
 */
export function pageOf(lesson: Lesson, picture?: string): string {
  const { folder, number, title, idea, notice } = lesson;
  const readme = Deno.readTextFileSync(new URL(`lessons/${folder}/README.md`, ROOT));
  const scripts = scriptsOf(folder).map((name) =>
    [name, Deno.readTextFileSync(new URL(`lessons/${folder}/${name}`, ROOT))] as const
  );
  const introduction = readme.slice(readme.indexOf("\n"), readme.indexOf("\n## "));
  const text = [readme, ...scripts.map(([, source]) => source)].join("\n");
  const parts = [
    `# ${number} · ${title}`,
    `> ${idea}`,
    withoutLinks(introduction),
    "## Where the thread is stuck",
    withoutLinks(sectionOf(readme, /^Where the threads? (is|are) stuck$/)),
    ...scripts.flatMap(([name, source]) => [`## ${name}`, fenced("ts", source)]),
    "## What it printed",
    withoutLinks(sectionOf(readme, /^What it printed$/)),
    ...picture === undefined ? [] : ["## Timeline", `![Timeline of lesson ${number}](${picture})`],
    "## What to notice",
    notice,
    "## Terms",
    termsIn(text),
  ];
  return parts.map((part) => part.trim()).join("\n\n") + "\n";
}

/** The scripts of a lesson: those that it runs come first. */
export function scriptsOf(folder: string): string[] {
  const names = [...Deno.readDirSync(new URL(`lessons/${folder}`, ROOT))]
    .map(({ name }) => name).filter((name) => name.endsWith(".ts")).sort();
  const first = ["main.ts", "server.ts", "client.ts"].filter((name) => names.includes(name));
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
  const glossary = sectionOf(Deno.readTextFileSync(new URL("README.md", ROOT)), /^Glossary$/);
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
