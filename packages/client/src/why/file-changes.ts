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

/** Compares the lines of two `dirHash1`; `undefined` when one of them is no such list. */
export function compareListings(before: Uint8Array, after: Uint8Array): FileChanges | undefined {
  // As bytes, one character each: so they sort as they were sorted, and only what differs is decoded.
  const left = linesOf(before);
  const right = linesOf(after);
  if (left === undefined || right === undefined) return undefined;
  const changes = { added: [] as string[], removed: [] as string[], changed: [] as string[] };
  let i = 0;
  let k = 0;
  while (i < left.length || k < right.length) {
    const a = left[i];
    const b = right[k];
    if (a !== undefined && a === b) {
      i += 1;
      k += 1;
      continue;
    }
    const order = compare(a?.slice(HEAD), b?.slice(HEAD));
    if (order < 0) changes.removed.push(decode(a ?? ""));
    else if (order > 0) changes.added.push(decode(b ?? ""));
    else changes.changed.push(decode(b ?? ""));
    if (order <= 0) i += 1;
    if (order >= 0) k += 1;
  }
  return { ...changes, count: { before: left.length, after: right.length } };
}

/** Lines come sorted and once each, or the walk above would end in nonsense. */
function linesOf(listing: Uint8Array): string[] | undefined {
  const text = Buffer.from(listing.buffer, listing.byteOffset, listing.byteLength).toString(
    "latin1",
  );
  if (text === "") return [];
  if (!text.endsWith("\n")) return undefined;
  const lines = text.slice(0, -1).split("\n");
  let last = "";
  for (const line of lines) {
    const path = line.slice(HEAD);
    if (!LINE.test(line) || path <= last) return undefined;
    last = path;
  }
  return lines;
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
