/** Rows of cells as a Markdown table; all columns but the first are set to the right. */
export function markdown(
  head: readonly string[],
  rows: Iterable<readonly (string | number)[]>,
): string {
  const rule = `|---|${"---:|".repeat(head.length - 1)}`;
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), rule, ...Array.from(rows, line)].join("\n");
}

/** A ratio: two decimals, and two digits of what is small. */
export function times(ratio: number): string {
  return ratio < 0.1 ? ratio.toPrecision(2) : ratio.toFixed(2);
}
