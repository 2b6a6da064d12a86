import { number } from "@ctxpack/trace/page";

/** A column: its heading, and whether it holds numbers. */
export type Column = string | { readonly number: string };

/** A row: cells of HTML, and what else its element says. */
export interface Row {
  readonly cells: readonly string[];
  readonly attributes?: string;
}

/** A table in a region of its own, which scrolls where it is wider than the page. The first cell heads its row. */
export function tableHtml(
  label: string,
  columns: readonly Column[],
  rows: readonly Row[],
  attributes = "",
): string {
  const head = columns.map((column) =>
    typeof column === "string"
      ? `<th scope="col">${column}</th>`
      : `<th scope="col" class="num">${column.number}</th>`,
  );
  const body = rows.map(({ cells, attributes: own = "" }) => {
    const [first = "", ...rest] = cells;
    const others = rest.map((cell, i) =>
      typeof columns[i + 1] === "string" ? `<td>${cell}</td>` : `<td class="num">${cell}</td>`,
    );
    return `<tr${own}><th scope="row">${first}</th>${others.join("")}</tr>\n`;
  });
  return `<div class="scroll" role="region" aria-label="${label}" tabindex="0"><table${attributes}>
<thead><tr>${head.join("")}</tr></thead>
<tbody>
${body.join("")}</tbody></table></div>\n`;
}

/** What a table leaves out, and the command that has it; nothing when it is whole. */
export function leftOut(all: number, shown: number, command: string): string {
  if (all <= shown) return "";
  return `<p class="note">${number(all - shown)} more are not on this page: <code>${command}</code> has them</p>\n`;
}
