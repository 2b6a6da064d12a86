import { randomUUID } from "node:crypto";
import { link, open, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import type { KeyPair } from "./generate.ts";

/** Where the two halves of a key lie. */
export interface KeyFiles {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** `k.pem` has its public half in `k.pub`, `k` in `k.pub` too. */
export function publicKeyFile(privateKeyFile: string): string {
  return `${privateKeyFile.replace(/\.pem$/, "")}.pub`;
}

/**
 * Writes both halves of a key: the private one for its owner alone (0600), the public one beside it. Files that are
 * there are never touched; both appear whole or neither does.
 *
 * @throws CtxPackError `CTXPACK_E_KEY_FILE` where a file is in the way or its folder takes none.
 */
export async function writeKeyFiles(
  file: string,
  pair: KeyPair,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<KeyFiles> {
  const files: KeyFiles = { privateKey: file, publicKey: publicKeyFile(file) };
  const undo: string[] = [];
  try {
    await writeNew(files.privateKey, pair.privateKey, 0o600, undo);
    options.signal?.throwIfAborted();
    await writeNew(files.publicKey, pair.publicKey, 0o644, undo);
  } catch (error) {
    for (const written of undo) await rm(written, { force: true });
    throw error;
  }
  return files;
}

/** Writes a file that is not there yet, whole: under another name first, then linked to its own. */
async function writeNew(file: string, text: string, mode: number, undo: string[]): Promise<void> {
  const unfinished = join(dirname(file), `.${basename(file)}.${randomUUID()}`);
  try {
    const handle = await open(unfinished, "wx", mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(unfinished, file);
    undo.push(file);
  } catch (cause) {
    throw writeError(file, cause);
  } finally {
    await rm(unfinished, { force: true });
  }
}

function writeError(file: string, cause: unknown): CtxPackError {
  const { code = "" } = cause as NodeJS.ErrnoException;
  const taken = code === "EEXIST";
  const what = taken ? "is already there" : `cannot be written (${code})`;
  return new CtxPackError("CTXPACK_E_KEY_FILE", `${file} ${what}`, {
    hint: taken
      ? "keys are never overwritten: give another name, or move the file away"
      : "check that the folder exists and may be written",
    cause,
    details: { path: file, errno: code },
  });
}
