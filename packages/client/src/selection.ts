import type { Entry } from "@ctxpack/cache/pack";
import { CtxPackError, type CtxUri, compileFilter } from "@ctxpack/identity";

/** The files of a pack that somebody wants. */
export interface Selection {
  readonly selects: (path: string) => boolean;
  /** Throws CTXPACK_E_PATH_NOT_FOUND when a pattern matches no file or link of the pack. */
  requireMatches(uri: CtxUri, entries: Iterable<Entry>): void;
}

/** Compiles the patterns of `--only`; `undefined` without any: everything is wanted. */
export function compileSelection(patterns: readonly string[] | undefined): Selection | undefined {
  if (!patterns?.length) return undefined;
  const filter = compileFilter({ include: patterns });
  const selects = (path: string): boolean => filter.selects(path.normalize("NFC"));
  return {
    selects,
    requireMatches(uri, entries) {
      for (const entry of entries) {
        if (!("dir" in entry)) selects(entry.path);
      }
      const unmatched = filter.unmatched();
      if (unmatched.length === 0) return;
      throw new CtxPackError(
        "CTXPACK_E_PATH_NOT_FOUND",
        `no file of ${uri} matches ${unmatched.map((pattern) => `"${pattern}"`).join(", ")}`,
        { hint: "ctxpack ls lists the files of a pack", details: { uri, patterns: unmatched } },
      );
    },
  };
}
