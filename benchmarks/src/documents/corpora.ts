import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "../question.ts";
import { fetchPackage, type Package, unpackDocuments } from "./debian.ts";
import type { Kind } from "./stages.ts";

/** A package that became another one. */
export interface Update {
  readonly title: string;
  readonly kind: Kind;
  readonly before: Package;
  readonly after: Package;
  /** Documents in a smoke run. */
  readonly few: number;
}

/** Which packages there are, and what their files have to be. */
export const UPDATES: readonly Update[] = JSON.parse(
  readFileSync(new URL("./corpus.lock.json", import.meta.url), "utf8"),
);

/** The documents of both versions. */
export interface Folders {
  readonly before: string;
  readonly after: string;
}

/** `undefined` when one cannot be had, which is said. */
export function fetchBoth(
  bench: Bench,
  { title, kind, before, after, few }: Update,
): Folders | undefined {
  const folders: string[] = [];
  for (const one of [before, after]) {
    const fetched = fetchPackage(one);
    if ("problem" in fetched) {
      bench.note(`SKIPPED: ${title}: ${fetched.problem}`);
      return undefined;
    }
    const folder = join(bench.scratch, `${kind}-${folders.length}`);
    unpackDocuments(fetched.file, folder, { kind, ...(bench.scale === "smoke" && { most: few }) });
    folders.push(folder);
  }
  const [old = "", now = ""] = folders;
  return { before: old, after: now };
}
