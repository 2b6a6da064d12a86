import { grown } from "./grown.ts";
import type { Names } from "./names.ts";

/**
 * Pairs of names, folders among them, that a file system which ignores case or composition takes
 * for one. An approximation on the side of too many: the file system itself is asked before writing.
 */
export function foldings(names: Names): [string, string][] {
  const twice = hashesThatComeTwice(names);
  const pairs: [string, string][] = [];
  if (twice.size === 0) return pairs;
  const seen = new Map<string, string>();
  for (const name of everyName(names)) {
    const key = fold(name);
    if (!twice.has(hash(key))) continue;
    const other = seen.get(key);
    if (other === undefined) seen.set(key, name);
    else if (other !== name) pairs.push([other, name]);
  }
  return pairs;
}

/** Eight bytes a name find out whether there is anything to look for, where a map would take a hundred. */
function hashesThatComeTwice(names: Names): Set<number> {
  let hashes = new Float64Array(names.count);
  let count = 0;
  for (const name of everyName(names)) {
    hashes = grown(hashes, count + 1);
    hashes[count++] = hash(fold(name));
  }
  const sorted = hashes.subarray(0, count).sort();
  const twice = new Set<number>();
  for (let i = 1; i < count; i++) if (sorted[i] === sorted[i - 1]) twice.add(sorted[i] as number);
  return twice;
}

/** Every entry's path and every folder's, each once. Folders are implied: the first entry below one tells of it. */
function* everyName(names: Names): Generator<string, void, void> {
  let folder = "";
  for (let row = 0; row < names.count; row++) {
    const path = names.path(row);
    for (let slash = path.indexOf("/"); slash > 0; slash = path.indexOf("/", slash + 1)) {
      if (!folder.startsWith(path.slice(0, slash + 1))) yield path.slice(0, slash);
    }
    folder = path.slice(0, path.lastIndexOf("/") + 1);
    yield path;
  }
}

function fold(name: string): string {
  return name.normalize("NFKD").toUpperCase().toLowerCase();
}

/** 53 bits, from two 32-bit FNV-1a hashes with different beginnings. */
function hash(text: string): number {
  let a = 0x811c9dc5;
  let b = 0x2545f491;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x85ebca6b);
  }
  return ((b >>> 0) & 0x1fffff) * 2 ** 32 + (a >>> 0);
}
