import { lstatSync, opendirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { unlessMissing, unlessRefused } from "../disk.ts";

/** A file that nothing but its name says anything about. */
export interface CountedFile {
  readonly path: string;
  readonly bytes: number;
  /** When it was written, or somebody was about to refer to it, Unix time in ms. */
  readonly usedMs: number;
}

/** A file that is there. */
export function fileAt(path: string): CountedFile | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return { path, bytes: stat.isFile() ? stat.size : 0, usedMs: stat.mtimeMs };
}

/**
 * A file is put aside with the time it had: when that was, only its ctime tells. A folder of files is put aside, too,
 * and may be large: it is looked at in steps.
 */
export function* leftoverAt(path: string): Generator<void, CountedFile | undefined, void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const bytes = stat.isDirectory() ? yield* bytesBelow(path) : stat.size;
  return { path, bytes, usedMs: Math.max(stat.mtimeMs, stat.ctimeMs) };
}

/** Of files that nothing else has; nothing of what is another user's secret. */
function* bytesBelow(dir: string): Generator<void, number, void> {
  let bytes = 0;
  const list = () => unlessMissing(() => readdirSync(dir, { withFileTypes: true }));
  for (const entry of unlessRefused(list) ?? []) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) bytes += yield* bytesBelow(path);
    const look = () => lstatSync(path, { throwIfNoEntry: false });
    const stat = entry.isFile() ? unlessRefused(look) : undefined;
    if (stat?.nlink === 1) bytes += stat.size;
    yield;
  }
  return bytes;
}

/** What lies on the shelves of a folder, each named by two hex digits. */
export function* shelved(dir: string): Iterable<string> {
  for (const shelf of namesIn(dir)) {
    for (const name of namesIn(join(dir, shelf))) yield join(dir, shelf, name);
  }
}

/** The names in a folder that only its owner may read: none for anybody else. */
export function privateNamesIn(dir: string): string[] {
  return unlessRefused(() => namesIn(dir)) ?? [];
}

/** The names in a folder; none when it is not there. */
export function namesIn(dir: string): string[] {
  return unlessMissing(() => readdirSync(dir)) ?? [];
}

/** `namesIn` for a folder of very many: they are never all in memory. */
export function* eachNameIn(dir: string): Iterable<string> {
  const open = unlessMissing(() => opendirSync(dir, { bufferSize: 1024 }));
  if (open === undefined) return;
  try {
    for (;;) {
      const entry = open.readSync();
      if (entry === null) return;
      yield entry.name;
    }
  } finally {
    open.closeSync();
  }
}
