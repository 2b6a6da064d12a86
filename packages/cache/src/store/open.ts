import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { diskError, makeFolder, onDisk, syncFolder, systemCode, unlessMissing } from "./disk.ts";
import { Places } from "./places.ts";
import { rename } from "./rename.ts";
import { Unfinished } from "./unfinished.ts";
import { VERSION } from "./version.ts";
import { Workspace } from "./workspace.ts";
import { writeSynced } from "./write-synced.ts";

/** What makes a store an OCI image layout. */
export const LAYOUT = '{"imageLayoutVersion":"1.0.0"}';

/** What may stand in a folder without VERSION: a store that was begun, and what a new disk has. */
const BEGUN: ReadonlySet<string> = new Set(["blobs", "oci-layout", "tmp", "lost+found"]);

/**
 * Makes sure that `dir` is a store this version can use, and returns its real path. Creates one in a
 * folder that is empty or not there; a folder with anything else in it is left alone, since a store
 * clears away what it does not know as its own.
 */
export function prepareStore(dir: string, options: { readonly readOnly: boolean }): string {
  const path = resolve(dir);
  if (!options.readOnly) makeStoreFolder(path);
  const real = unlessMissing(() => onDisk("reading", path, () => realpathSync(path)));
  if (real === undefined) {
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `there is no store at ${path}`, {
      hint: "check CTXPACK_CACHE_DIR",
      details: { path },
    });
  }
  const places = new Places(real);
  if (isStore(places)) return real;
  const foreign = readdirSync(real).find((name) => !BEGUN.has(name));
  if (foreign === undefined) {
    if (!options.readOnly) begin(places);
    // What looks foreign may be what another process has put there since, its VERSION first.
  } else if (!isStore(places)) {
    throw noStore(real, foreign);
  }
  return real;
}

/** Whether there is a VERSION; throws when it is none that this ctxpack can use. */
function isStore(places: Places): boolean {
  const version = unlessMissing(() =>
    onDisk("reading", places.version, () => readFileSync(places.version, "utf8")),
  );
  if (version !== undefined) expectVersion(version, places);
  return version !== undefined;
}

function noStore(dir: string, foreign: string): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_CONFIG",
    `${dir} is no store: it holds ${JSON.stringify(foreign)} and no VERSION`,
    { hint: "name an empty folder for the store (CTXPACK_CACHE_DIR)", details: { path: dir } },
  );
}

function makeStoreFolder(path: string): void {
  try {
    onDisk("creating", path, () => makeFolder(path));
  } catch (cause) {
    const code = systemCode(cause);
    if (code !== "EEXIST" && code !== "ENOTDIR" && code !== "ENOENT" && code !== "ELOOP")
      throw cause;
    throw new CtxPackError("CTXPACK_E_CONFIG", `${path} cannot be made a folder for the store`, {
      hint: "a file or a link to nothing is in the way: move it, or name another folder (CTXPACK_CACHE_DIR)",
      cause,
      details: { path, system: code },
    });
  }
}

function expectVersion(text: string, places: Places): void {
  const version = /^([1-9][0-9]{0,8})\n$/.exec(text)?.[1];
  if (version === undefined) {
    throw new CtxPackError("CTXPACK_E_STORE_DAMAGED", `${places.version} is no version number`, {
      hint: `if ${places.dir} is the store of ctxpack, write "${VERSION}" and a newline into that file`,
      details: { path: places.version },
    });
  }
  if (Number(version) <= VERSION) return;
  throw new CtxPackError(
    "CTXPACK_E_UNSUPPORTED",
    `the store ${places.dir} has version ${version}, this ctxpack knows ${VERSION}`,
    {
      hint: "update ctxpack, or use another store (CTXPACK_CACHE_DIR)",
      details: { path: places.dir, expected: VERSION, found: Number(version) },
    },
  );
}

function begin(places: Places): void {
  // What a killed process leaves of this lies in its workspace, where the next one clears it.
  const unfinished = new Unfinished(places.unfinished);
  const workspace = new Workspace(places.temporary, { readOnly: false, unfinished });
  try {
    makeFolder(places.blobs);
    syncFolder(dirname(places.blobs));
    place(workspace.path(), places.layout, LAYOUT);
    place(workspace.path(), places.version, `${VERSION}\n`);
    syncFolder(places.dir);
  } catch (error) {
    throw diskError(error, "creating", places.dir);
  } finally {
    workspace.close();
  }
}

/**
 * By rename: another process that opens the store at this instant sees all of the file or none. On disk before it, for a
 * store whose VERSION is empty after a power cut is none, whatever else was synced.
 */
function place(temporary: string, path: string, text: string): void {
  writeSynced(temporary, text);
  rename(temporary, path);
}
