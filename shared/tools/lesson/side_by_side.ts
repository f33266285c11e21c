/**
 * The costs of two runs, beside each other.
 *
 * @module
 */

/**
 * The costs of two runs in columns. A cost that only one of them has gets a dash.
 *
 * @param names What the runs are called.
 */
export function sideBySide(
  before: string[],
  after: string[],
  names: readonly string[],
  width = 78,
): string[] {
  return laidOut(pairsOf(before, after), names, width);
}

/** The same for the costs that differ. */
export function changes(before: string[], after: string[], width = 78): string[] {
  const changed = pairsOf(before, after).filter(([, a, b]) => a !== b);
  return changed.length === 0 ? ["nothing"] : laidOut(changed, ["before", "after"], width);
}

type Pair = [name: string, before: string, after: string];

function pairsOf(before: string[], after: string[]): Pair[] {
  const [left, right] = [before, after].map((rows) =>
    new Map(rows.map((row) => row.split(/ {2,}/) as [string, string]))
  );
  const names = [...new Set([...left.keys(), ...right.keys()])];
  return names.map((name) => [name, left.get(name) ?? "–", right.get(name) ?? "–"]);
}

function laidOut(pairs: Pair[], [before, after]: readonly string[], width: number): string[] {
  const rows = [["", before, after], ...pairs];
  const [name, left, right] = [0, 1, 2].map((column) =>
    Math.max(...rows.map((row) => row[column].length)) + 2
  );
  const room = Math.max(before.length + 2, Math.min(left, width + 2 - name - right));
  return rows.flatMap((row) => {
    const [first, second] = [row[0].padEnd(name) + row[1], row[2]];
    // A cell that is too wide for its column has the line for itself.
    return row[1].length + 2 <= room
      ? [first.padEnd(name + room) + second]
      : [first, "".padEnd(name + room) + second];
  });
}
