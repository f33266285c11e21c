/**
 * What has been done: a plain text file, to which a line is added for each step. Git ignores it.
 *
 * @module
 */

import { LESSONS } from "../lesson/catalogue.ts";

/** Where it is. */
export const PROGRESS: URL = new URL("exercises.txt", LESSONS);

/** A step that somebody has taken: began, chose an answer, took a hint, asked, solved it. */
export type Step = "begun" | `predicted ${"a" | "b" | "c"}` | "hint" | "asked" | "solved";

/** What is known of an exercise. */
export interface Progress {
  /** The answer to its question, if it was given. */
  predicted?: string;
  /** How many hints were shown. */
  hints: number;
  /** How often the solution was asked for. */
  asked: number;
  /** Whether it was solved once. */
  solved: boolean;
}

/** Adds a step. */
export function remember(id: string, step: Step): void {
  Deno.writeTextFileSync(PROGRESS, `${id} ${step}\n`, { append: true });
}

/** What is known of an exercise. */
export function progressOf(id: string): Progress {
  const own = steps().filter(([other]) => other === id).map(([, step]) => step);
  return {
    predicted: own.find((step) => step.startsWith("predicted "))?.at(-1),
    hints: own.filter((step) => step === "hint").length,
    asked: own.filter((step) => step === "asked").length,
    solved: own.includes("solved"),
  };
}

/** The exercise that was begun last, or again; undefined before the first. */
export function currentId(): string | undefined {
  return steps().findLast(([, step]) => step === "begun")?.[0];
}

function steps(): [id: string, step: string][] {
  try {
    const lines = Deno.readTextFileSync(PROGRESS).split("\n");
    return lines.flatMap((line) => {
      const [, id, step] = /^(\d\d\.\d+) (.+)$/.exec(line) ?? [];
      return id === undefined ? [] : [[id, step] as [string, string]];
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
