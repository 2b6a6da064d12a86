const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `17.2 MB`, `4.1 kB`, `12 B`: decimal units, three digits or so. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** `1,234`; the same in every locale. */
export function formatCount(count: number): string {
  // Not toLocaleString, which takes 10 ms the first time.
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** `1 file`, `1,234 files`; `many` for a noun that takes no s. */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : many}`;
}

/** `0.42 s`, `12 s`, `3 min 5 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** Columns lined up two spaces apart; the last one is left ragged. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  // Tables of ten thousand rows: no array for each of them, and no padded copy of each cell.
  const widths: number[] = [];
  for (const row of rows) {
    for (let i = 0; i < row.length; i++) {
      widths[i] = Math.max(widths[i] ?? 0, row[i]?.length ?? 0);
    }
  }
  const spaces = " ".repeat(Math.max(0, ...widths) + 2);
  let text = "";
  for (let number = 0; number < rows.length; number++) {
    const row = rows[number] ?? [];
    if (number > 0) text += "\n";
    for (let i = 0; i < row.length; i++) {
      const cell = row[i] ?? "";
      text += cell;
      if (i < row.length - 1) text += spaces.slice(0, (widths[i] ?? 0) - cell.length + 2);
    }
  }
  return text;
}
