import type { Entry } from "@ctxpack/client";
import { bytesOf, clip } from "./answer.ts";

/** Bytes of JSON that the entries of one answer have, with what follows them: an answer has room for some more. */
const MOST_BYTES = 40 * 1024;

/** One entry of a pack, as `ctx_files` lists it. */
type Listed = { readonly path: string } & (
  | { readonly size: number }
  | { readonly folder: true }
  | { readonly link: string }
);

/** Entries, and the path to go on after when there are more. */
export interface Page {
  readonly files: readonly Listed[];
  readonly next?: string;
}

/** The first entries: at most `limit`, and no more than an answer has room for; one at least, if there is one. */
export function pageOf(entries: Iterable<Entry>, limit: number): Page {
  const files: Listed[] = [];
  let bytes = 0;
  let last: string | undefined;
  for (const entry of entries) {
    const listed = told(entry);
    // The last path is there twice: as `next`, too.
    const more = bytesOf(listed) + 1;
    const isTooLong = bytes + more + bytesOf(entry.path) > MOST_BYTES;
    if (last !== undefined && (isTooLong || files.length === limit)) return { files, next: last };
    files.push(isTooLong && "link" in listed ? shortened(listed) : listed);
    bytes += more;
    last = entry.path;
  }
  return { files };
}

function told(entry: Entry): Listed {
  const { path } = entry;
  if ("link" in entry) return { path, link: entry.link };
  return "dir" in entry ? { path, folder: true } : { path, size: entry.size };
}

/** A link alone may be too long: its path is what to go on after, its target is not needed. */
function shortened({ path, link }: { readonly path: string; readonly link: string }): Listed {
  return { path, link: clip(link, 0) };
}
