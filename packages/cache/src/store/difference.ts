import { compareBytewise } from "@ctxpack/identity";
import type { Entry, IndexReader } from "../pack/index.ts";

/** The first `limit` paths whose entries differ between two outputs, in the order of the index. */
export function differingPaths(a: IndexReader, b: IndexReader, limit: number): string[] {
  const paths: string[] = [];
  let l = 0;
  let r = 0;
  while (paths.length < limit && (l < a.count || r < b.count)) {
    const left = l < a.count ? a.entry(l) : undefined;
    const right = r < b.count ? b.entry(r) : undefined;
    const order = compare(left?.path, right?.path);
    if (order < 0) paths.push(left?.path ?? "");
    else if (order > 0) paths.push(right?.path ?? "");
    else if (left && right && !isSame(left, right)) paths.push(left.path);
    if (order <= 0) l += 1;
    if (order >= 0) r += 1;
  }
  return paths;
}

/** Whether two entries are the same output: where a content lies in the tar says nothing of it. */
function isSame(a: Entry, b: Entry): boolean {
  if ("link" in a) return "link" in b && a.link === b.link;
  if ("dir" in a) return "dir" in b;
  return "digest" in b && a.digest === b.digest && a.size === b.size && a.exec === b.exec;
}

/** Bytewise, as the index is sorted; what is absent comes last. */
function compare(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  return b === undefined ? -1 : compareBytewise(a, b);
}
