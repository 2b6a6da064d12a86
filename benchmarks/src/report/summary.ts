import type { Sample } from "../measure.ts";
import { median } from "../median.ts";
import type { Row } from "../run-file.ts";

/** What the samples of one row come down to. */
export interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Of a row that was run at least once, and of a measure that was taken. */
export function summaryOf(row: Row, of: keyof Sample): Summary | undefined {
  const values = valuesOf(row, of);
  if (values.length === 0) return undefined;
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

export function valuesOf(row: Row, of: keyof Sample): number[] {
  return row.samples.map((sample) => sample[of]).filter((value) => value !== undefined);
}

/**
 * Whether a row does nothing of what is asked, or only the bare work: it competes with nobody.
 * Runs from before the flag have the name.
 */
export function isFloor(row: Row & { readonly floor?: true }): boolean {
  return row.floor ?? row.name.startsWith("`node -e 0`");
}

/** Seconds as tables show them. */
export function seconds(value: number): string {
  return value < 1 ? value.toFixed(3) : value.toFixed(2);
}

/** A name without the marks that Markdown needs. */
export function plainName(name: string): string {
  return name.replaceAll("`", "").replaceAll("\\|", "|");
}
