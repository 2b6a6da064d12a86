/** What differs between the files of two inputs. Paths as in the `dirHash1` lines, sorted bytewise. */
export interface FileChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  /** Files of the nearest contract's input, and of this one's. */
  readonly count: { readonly before: number; readonly after: number };
}

/** Hex digits and two spaces before each path. */
const HEAD = 66;
const LINE = /^[0-9a-f]{64} {2}[^\n]/;
const NEWLINE = 0x0a;

/** Compares the lines of two `dirHash1`; `undefined` when what differs in them is no such lines. */
export function compareListings(before: Uint8Array, after: Uint8Array): FileChanges | undefined {
  const { start, end } = common(before, after);
  // As bytes, one character each: so they sort as they were sorted, and only what differs is decoded.
  const last = pathBefore(before, start);
  const left = linesOf(before.subarray(start, before.length - end), last);
  const right = linesOf(after.subarray(start, after.length - end), last);
  if (left === undefined || right === undefined) return undefined;
  const changes = { added: [] as string[], removed: [] as string[], changed: [] as string[] };
  let i = 0;
  let k = 0;
  while (i < left.length || k < right.length) {
    const a = left[i];
    const b = right[k];
    const order = a === b ? 0 : compare(a?.slice(HEAD), b?.slice(HEAD));
    if (order < 0) changes.removed.push(decode(a ?? ""));
    else if (order > 0) changes.added.push(decode(b ?? ""));
    else if (a !== b) changes.changed.push(decode(b ?? ""));
    if (order <= 0) i += 1;
    if (order >= 0) k += 1;
  }
  return { ...changes, count: { before: countLines(before), after: countLines(after) } };
}

/** How many bytes of whole lines two lists have in common at their beginning, and then at their end. */
function common(a: Uint8Array, b: Uint8Array): { readonly start: number; readonly end: number } {
  const most = Math.min(a.length, b.length);
  const same = longest(most, (n) => Buffer.compare(a.subarray(0, n), b.subarray(0, n)) === 0);
  const start = same === 0 ? 0 : a.lastIndexOf(NEWLINE, same - 1) + 1;
  const tail = (of: Uint8Array, n: number) => of.subarray(of.length - n);
  const alike = longest(most - start, (n) => Buffer.compare(tail(a, n), tail(b, n)) === 0);
  // From the end of the line within which they begin to be alike.
  const first = a.indexOf(NEWLINE, a.length - alike);
  const end = alike === 0 || first < 0 ? 0 : a.length - first - 1;
  return { start, end };
}

/** The largest number up to `most` that a test takes, which takes every smaller one too. */
function longest(most: number, takes: (n: number) => boolean): number {
  let least = 0;
  let beyond = most + 1;
  while (beyond - least > 1) {
    const middle = (least + beyond) >>> 1;
    if (takes(middle)) least = middle;
    else beyond = middle;
  }
  return least;
}

/** The path in the line that ends before `at`. */
function pathBefore(listing: Uint8Array, at: number): string {
  if (at === 0) return "";
  const start = at === 1 ? 0 : listing.lastIndexOf(NEWLINE, at - 2) + 1;
  return bytesAsText(listing.subarray(start, at - 1)).slice(HEAD);
}

/** Lines come sorted and once each, the first of them after `last`, or the walk above would end in nonsense. */
function linesOf(listing: Uint8Array, last: string): string[] | undefined {
  const text = bytesAsText(listing);
  if (text === "") return [];
  if (!text.endsWith("\n")) return undefined;
  const lines = text.slice(0, -1).split("\n");
  let before = last;
  for (const line of lines) {
    const path = line.slice(HEAD);
    if (!LINE.test(line) || path <= before) return undefined;
    before = path;
  }
  return lines;
}

function bytesAsText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function countLines(listing: Uint8Array): number {
  let count = 0;
  for (let at = listing.indexOf(NEWLINE); at >= 0; at = listing.indexOf(NEWLINE, at + 1))
    count += 1;
  return count;
}

/** A list that has ended comes after every path. */
function compare(a: string | undefined, b: string | undefined): number {
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function decode(line: string): string {
  return Buffer.from(line.slice(HEAD), "latin1").toString("utf8");
}
