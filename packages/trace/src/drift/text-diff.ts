import { ALONE, commonSubsequence } from "../align/common.ts";
import { KeyNumbers } from "../align/keys.ts";

/** The difference of two texts, as unified hunks without file names. */
export interface TextDiff {
  readonly text: string;
  /** Whether it is all of it. */
  readonly whole: boolean;
}

/** Equal lines around what differs. */
const CONTEXT = 3;
/** Lines of each text that are looked at. */
const MAX_COMPARED_LINES = 20_000;
/** Lines of one difference; the rest is left out. */
const MAX_LINES = 200;
/** Of a line, in UTF-16 code units; the rest is left out. */
const MAX_LINE = 400;
/** Edits that are searched from each end; in texts that differ in more lines, not every equal line is found. */
const MAX_EDITS = 512;

interface Line {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

/** The difference of two texts, line by line. */
export function diffTexts(a: string, b: string): TextDiff {
  const lines = new Cut();
  const [before, after] = [a.split("\n"), b.split("\n")].map((all) => {
    if (all.length > MAX_COMPARED_LINES) lines.cut = true;
    return all.slice(0, MAX_COMPARED_LINES);
  }) as [string[], string[]];
  for (const hunk of hunks(script(before, after))) {
    if (lines.isFull) break;
    lines.add(hunkHeader(hunk));
    for (const { sign, text } of hunk.lines) lines.add(sign + text);
  }
  return { text: lines.taken.join("\n"), whole: !lines.cut };
}

/** Lines up to the limits. */
class Cut {
  readonly taken: string[] = [];
  cut = false;

  /** Whether nothing more is taken; asked before something would be. */
  get isFull(): boolean {
    if (this.taken.length >= MAX_LINES) this.cut = true;
    return this.taken.length >= MAX_LINES;
  }

  add(line: string): void {
    if (this.isFull) return;
    if (line.length <= MAX_LINE) this.taken.push(line);
    else {
      this.cut = true;
      this.taken.push(`${line.slice(0, MAX_LINE).toWellFormed()}…`);
    }
  }
}

function script(before: readonly string[], after: readonly string[]): Line[] {
  const numbers = new KeyNumbers();
  const keys = (lines: readonly string[]) =>
    Int32Array.from(lines, (line) => numbers.of(`=${line}`));
  const partners = commonSubsequence(keys(before), keys(after), MAX_EDITS);
  const lines: Line[] = [];
  let next = 0;
  const addUntil = (end: number) => {
    while (next < end) lines.push({ sign: "+", text: after[next++] as string });
  };
  for (const [at, text] of before.entries()) {
    const other = partners[at] as number;
    if (other === ALONE) lines.push({ sign: "-", text });
    else {
      addUntil(other);
      lines.push({ sign: " ", text });
      next = other + 1;
    }
  }
  addUntil(after.length);
  return lines;
}

interface Hunk {
  /** Numbers of the lines before it. */
  readonly a: number;
  readonly b: number;
  readonly lines: readonly Line[];
}

function* hunks(lines: readonly Line[]): Generator<Hunk> {
  let [a, b] = [0, 0];
  let from = 0;
  while (from < lines.length) {
    const first = lines.findIndex(({ sign }, index) => index >= from && sign !== " ");
    if (first === -1) return;
    const start = Math.max(from, first - CONTEXT);
    let [end, equal] = [first, 0];
    for (; end < lines.length && equal <= 2 * CONTEXT; end++) {
      equal = lines[end]?.sign === " " ? equal + 1 : 0;
    }
    end -= Math.max(0, equal - CONTEXT);
    a += start - from;
    b += start - from;
    const inside = lines.slice(start, end);
    yield { a, b, lines: inside };
    a += inside.filter(({ sign }) => sign !== "+").length;
    b += inside.filter(({ sign }) => sign !== "-").length;
    from = end;
  }
}

function hunkHeader({ a, b, lines }: Hunk): string {
  const range = (before: number, sign: "-" | "+") => {
    const count = lines.filter((line) => line.sign === " " || line.sign === sign).length;
    return `${sign}${count === 0 ? before : before + 1}${count === 1 ? "" : `,${count}`}`;
  };
  return `@@ ${range(a, "-")} ${range(b, "+")} @@`;
}
