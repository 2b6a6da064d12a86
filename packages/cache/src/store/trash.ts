import { randomBytes } from "node:crypto";
import { lstatSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";
import { clear } from "./clear.ts";
import { diskError, makeFolder, systemCode, unlessMissing } from "./disk.ts";
import type { Parts } from "./parts.ts";
import { clearStale } from "./staging.ts";

/** How a folder in the trash is called: when that was, and something random. */
export const TRASH_NAME: RegExp = /^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$/;

/** Something of the user's that was moved out of the way. */
export interface Displaced {
  /** Where it is now, for a day. */
  readonly path: string;
  /** Where it was. */
  readonly from: string;
  /**
   * Puts it back. Throws `CTXPACK_E_USAGE` when something else has taken its place: then it stays in the trash.
   */
  restore(): Promise<void>;
}

/** `Store.displace`. */
export async function displace(parts: Parts, path: string): Promise<Displaced | undefined> {
  const from = resolve(path);
  clearStale(from);
  if (!isThere(from)) return undefined;
  parts.workspace.expectWritable();
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const folder = join(parts.places.trash, `${stamp}-${randomBytes(4).toString("hex")}`);
  const kept = join(folder, "output");
  try {
    makeFolder(folder, 0o700);
    writeFileSync(join(folder, "path"), `${from}\n`);
    await move(from, kept);
  } catch (error) {
    clear(folder);
    // Somebody else has moved it meanwhile.
    if (systemCode(error) === "ENOENT") return undefined;
    throw explain(error, from);
  }
  return { path: kept, from, restore: () => restore(folder, kept, from) };
}

async function restore(folder: string, kept: string, from: string): Promise<void> {
  if (isThere(from)) {
    throw new CtxPackError("CTXPACK_E_USAGE", `${from} is taken: what was there is in ${kept}`, {
      hint: "move it back by hand; it is kept for a day",
      details: { path: from, kept },
    });
  }
  try {
    await move(kept, from);
  } catch (error) {
    throw explain(error, from);
  }
  clear(folder);
}

/** A rename, or where that cannot be a copy that appears whole. */
async function move(from: string, to: string): Promise<void> {
  try {
    rename(from, to);
  } catch (error) {
    if (systemCode(error) !== "EXDEV") throw error;
    const staging = `${to}.ctxpack-part`;
    try {
      await cp(from, staging, {
        recursive: true,
        preserveTimestamps: true,
        verbatimSymlinks: true,
        errorOnExist: true,
      });
      rename(staging, to);
    } catch (cause) {
      clear(staging);
      throw cause;
    }
    clear(from);
  }
}

function isThere(path: string): boolean {
  return unlessMissing(() => lstatSync(path)) !== undefined;
}

/** What cannot be moved is not ours to remove. */
function explain(error: unknown, path: string): unknown {
  const known = diskError(error, "moving", path);
  const code = systemCode(known);
  if (code === undefined) return known;
  return new CtxPackError("CTXPACK_E_UNSUPPORTED", `${path} cannot be moved away: ${code}`, {
    hint: "write the output to a place inside it, or empty it yourself",
    cause: error,
    details: { path, system: code },
  });
}
