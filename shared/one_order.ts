/**
 * Lines that several have heard, and the order in which they were said.
 *
 * @module
 */

/**
 * Whether there is one order that agrees with all lists, which have each line once at most: lines
 * are taken away that come first in every list that still has them, until none is left.
 */
export function haveOneOrder(lists: readonly (readonly string[])[]): boolean {
  const total = new Map<string, number>(); // how many lists have a line
  for (const line of lists.flat()) total.set(line, (total.get(line) ?? 0) + 1);
  const first = new Map<string, number[]>(); // the lists in which it comes first
  const begun = lists.map(() => 0);
  const next = [...lists.keys()];
  let taken = 0;
  while (next.length > 0) {
    const list = next.pop()!;
    const line = lists[list][begun[list]++];
    if (line === undefined) continue;
    first.set(line, [...first.get(line) ?? [], list]);
    if (first.get(line)!.length < total.get(line)!) continue;
    taken++;
    next.push(...first.get(line)!);
  }
  return taken === total.size;
}
