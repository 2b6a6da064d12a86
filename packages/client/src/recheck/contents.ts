import { createReadStream, lstatSync } from "node:fs";
import type { Store } from "@ctxpack/cache";
import type { IndexReader } from "@ctxpack/cache/pack";
import type { CtxUri } from "@ctxpack/identity";
import type { Content } from "./first-byte.ts";

/** A file of an output. */
export interface ContentFile {
  /** In bytes. */
  readonly size: number;
  read(signal: AbortSignal): Content;
}

/** The contents of an output, as far as they are at hand. */
export interface Contents {
  /** Gets at hand what it can of these files. */
  prepare?(paths: readonly string[], signal: AbortSignal): Promise<void>;
  /** `undefined` for a path that is no file, and for one that is not at hand. */
  file(path: string): ContentFile | undefined;
}

/** The output that a store has of a URI. */
export function storedContents(store: Store, uri: CtxUri, index: IndexReader): Contents {
  return {
    file: (path) => {
      const entry = index.find(path);
      if (entry === undefined || !("digest" in entry)) return undefined;
      return { size: entry.size, read: (signal) => store.read(uri, path, { signal }) };
    },
  };
}

/** An output that lies in a folder. */
export function folderContents(root: string): Contents {
  return {
    file: (path) => {
      const full = `${root}/${path}`;
      const stat = lstatSync(full, { throwIfNoEntry: false });
      if (!stat?.isFile()) return undefined;
      return { size: stat.size, read: (signal) => createReadStream(full, { signal }) };
    },
  };
}
