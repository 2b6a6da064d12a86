import { readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { CtxUri } from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";
import { clear } from "./clear.ts";
import { diskError, makeFolder, onDisk, unlessMissing } from "./disk.ts";
import type { Parts } from "./parts.ts";

/** What is kept beside a pack says of which output it is. */
interface Beside {
  readonly uri: CtxUri;
  readonly tree: string;
}

/**
 * Writes what is kept beside a pack in place of what was there. Not synced: it only informs, and a power cut may leave
 * half of it, which counts as none.
 */
export function writeBeside(parts: Parts, path: string, bytes: Uint8Array, mode = 0o666): void {
  const temporary = parts.workspace.path();
  try {
    makeFolder(dirname(path));
    writeFileSync(temporary, bytes, { mode });
    rename(temporary, path);
  } catch (error) {
    clear(temporary);
    throw diskError(error, "writing", path);
  }
}

/** Reads it; `undefined` also for that of another output than the pack's, and for what `parse` cannot make sense of. */
export function readBeside<Kept extends Beside>(
  parts: Parts,
  path: string,
  uri: CtxUri,
  parse: (bytes: Buffer) => Kept | undefined,
): Kept | undefined {
  const bytes = unlessMissing(() => onDisk("reading", path, () => readFileSync(path)));
  if (bytes === undefined) return undefined;
  let kept: Kept | undefined;
  try {
    kept = parse(bytes);
  } catch {
    return undefined;
  }
  if (kept === undefined || kept.uri !== uri) return undefined;
  return kept.tree === parts.records.get(uri)?.tree ? kept : undefined;
}
