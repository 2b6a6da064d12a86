import { existsSync } from "node:fs";
import type { Store } from "@ctxpack/cache";
import type { IndexReader } from "@ctxpack/cache/pack";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import type { OutputDifference } from "../difference.ts";
import { folderContents, storedContents } from "./contents.ts";
import { describeDifferences } from "./describe.ts";
import { lookInside } from "./look-inside.ts";

/** The error of a folder that is another output than the store's, with where its files differ. Any other stays as it is. */
export async function explainConflict(
  error: unknown,
  store: Store,
  { uri, folder }: { readonly uri: CtxUri; readonly folder: string },
  signal: AbortSignal,
): Promise<unknown> {
  if (!CtxPackError.isInstance(error) || error.code !== "CTXPACK_E_CONFLICT") return error;
  const { paths } = error.details;
  const index = await store.index(uri, { signal }).catch(() => undefined);
  signal.throwIfAborted();
  if (index === undefined || !Array.isArray(paths)) return error;
  const named = paths.map((path) => differenceAt(path, index, folder));
  const [ours, theirs] = [folderContents(folder), storedContents(store, uri, index)];
  const outputs = await lookInside(named, theirs, ours, signal);
  return new CtxPackError(
    error.code,
    `${uri} has another output already: ${describeDifferences(outputs, outputs.length)}`,
    { hint: error.hint, cause: error, details: { ...error.details, outputs } },
  );
}

/** What is in a folder in place of an entry. */
function differenceAt(path: string, index: IndexReader, folder: string): OutputDifference {
  if (index.find(path) === undefined) return { path, kind: "added" };
  return { path, kind: existsSync(`${folder}/${path}`) ? "changed" : "removed" };
}
