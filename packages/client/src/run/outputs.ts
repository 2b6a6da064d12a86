import { constants, lstatSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { cp } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve, sep } from "node:path";
import type { Displaced, Scratch, Store } from "@ctxpack/cache";
import type { IndexReader } from "@ctxpack/cache/pack";
import { CtxPackError, type CtxUri, isResolved } from "@ctxpack/identity";
import type { LoadedContract } from "../load-contract.ts";
import type { Session } from "../session.ts";
import { statesBelow } from "./states.ts";

/** Where a result is to stand. */
export interface OutputPlace {
  /** Its place in a pack of several outputs, or of one that is a file. */
  readonly name: string;
  /** As in the contract. */
  readonly shown: string;
  /** Absolute. */
  readonly path: string;
  /** Written with a slash behind it: never a file. */
  readonly isFolder: boolean;
}

/**
 * The outputs of a contract. Throws CTXPACK_E_USAGE when it has none, or one that would take more along than a
 * result: whatever stands there is moved away.
 */
export function outputPlaces(
  session: Session,
  { parsed, baseDir }: LoadedContract,
): readonly OutputPlace[] {
  const { contract } = parsed;
  const outputs = isResolved(contract) ? [] : (contract.outputs ?? []);
  if (outputs.length === 0) {
    throw new CtxPackError("CTXPACK_E_USAGE", "nothing says where the output is", {
      hint: "name it with --out PATH, or under outputs in the contract",
    });
  }
  const kept = [baseDir, session.cwd, session.config.cacheDir, homedir()].map(realPlace);
  const reals: string[] = [];
  return outputs.map(({ path: shown, name }) => {
    const path = resolve(baseDir, shown);
    const real = realPlace(path);
    const held = kept.find((one) => isWithin(one, real));
    if (held !== undefined) {
      throw new CtxPackError("CTXPACK_E_USAGE", `the output ${shown} would take ${held} along`, {
        hint: "write it to a folder of its own: whatever stands there is moved away",
        details: { path },
      });
    }
    if (reals.some((one) => isWithin(one, real) || isWithin(real, one))) {
      throw new CtxPackError(
        "CTXPACK_E_USAGE",
        `the output ${shown} and another lie in one another`,
      );
    }
    reals.push(real);
    return { name: name ?? basename(path), shown, path, isFolder: shown.endsWith("/") };
  });
}

/** Makes the folder an output lies in; returns the first one that was not there. Throws CTXPACK_E_USAGE. */
export function makeParent({ path, shown }: OutputPlace): string | undefined {
  const folder = dirname(path);
  try {
    return mkdirSync(folder, { recursive: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST" && code !== "ENOTDIR") throw error;
    throw new CtxPackError("CTXPACK_E_USAGE", `the output ${shown} cannot lie in ${folder}`, {
      hint: "something that is no folder is in the way",
      cause: error,
      details: { path },
    });
  }
}

/** A folder laid out as the pack will be. */
export interface Layout extends Disposable {
  readonly root: string;
}

/**
 * What a command wrote, as a pack has it: one folder is the root, anything else lies under its name. Throws
 * CTXPACK_E_COMMAND when an output is missing, CTXPACK_E_TREE when one cannot be in a pack or changes.
 */
export async function collectOutputs(
  store: Store,
  places: readonly OutputPlace[],
): Promise<Layout> {
  const missing = places.filter(({ path }) => !exists(path));
  if (missing.length > 0) {
    const names = missing.map(({ shown }) => shown).join(", ");
    throw new CtxPackError("CTXPACK_E_COMMAND", `the command did not write ${names}`, {
      hint: "outputs count from the folder the command runs in; nothing was stored",
      details: { missing: missing.map(({ path }) => path) },
    });
  }
  const [only] = places;
  if (only !== undefined && places.length === 1) {
    const isFolder = statSync(only.path).isDirectory();
    if (only.isFolder && !isFolder) throw unlike(only, "is a file, and should be a folder");
    if (isFolder) {
      if (!only.isFolder && isAmbiguous(only)) {
        throw unlike(only, "is a folder that holds a file of its own name and nothing else");
      }
      return { root: only.path, [Symbol.dispose]: () => {} };
    }
  }
  return await layOut(store.scratch(), places);
}

async function layOut(scratch: Scratch, places: readonly OutputPlace[]): Promise<Layout> {
  const { path: root } = scratch;
  try {
    for (const { path, name, shown, isFolder } of places) {
      if (isFolder && !statSync(path).isDirectory()) {
        throw unlike({ path, shown }, "is a file, and should be a folder");
      }
      const to = join(root, name);
      mkdirSync(dirname(to), { recursive: true });
      const real = realpathSync(path);
      const before = statesBelow(real);
      await cp(real, to, {
        recursive: true,
        verbatimSymlinks: true,
        errorOnExist: true,
        mode: constants.COPYFILE_FICLONE,
      }).catch((error: NodeJS.ErrnoException) => {
        if (!error.code?.startsWith("ERR_FS_CP_")) throw error;
        throw new CtxPackError("CTXPACK_E_TREE", `${shown} holds what cannot be in a pack`, {
          hint: "sockets, pipes and devices are no output",
          cause: error,
        });
      });
      if (statesBelow(real) === before) continue;
      throw new CtxPackError("CTXPACK_E_TREE", `${shown} changed while it was read`, {
        hint: "another program writes there; run it again",
        details: { path },
      });
    }
    return { root, [Symbol.dispose]: () => scratch[Symbol.dispose]() };
  } catch (error) {
    scratch[Symbol.dispose]();
    throw error;
  }
}

/** Puts a result where it is wanted; returns what was moved away for it. What is right already stays as it is. */
export async function placeOutputs(
  store: Store,
  uri: CtxUri,
  places: readonly OutputPlace[],
  signal: AbortSignal,
): Promise<readonly Displaced[]> {
  const displaced: Displaced[] = [];
  const parts = partsOf(await store.index(uri, { signal }), uri, places);
  for (const [place, part] of parts) {
    const { path } = place;
    if (await store.isPlaced(uri, path, { part, signal })) continue;
    makeParent(place);
    const moved = await store.extract(uri, path, { part, displace: true, signal });
    if (moved !== undefined) displaced.push(moved);
  }
  return displaced;
}

type PlacePart = readonly [place: OutputPlace, part: string | undefined];

/** Which part of a pack each output is; `undefined` is all of it. */
function partsOf(
  index: IndexReader,
  uri: CtxUri,
  places: readonly OutputPlace[],
): readonly PlacePart[] {
  const [only] = places;
  if (only !== undefined && places.length === 1) {
    const isFile = !only.isFolder && holdsOnly(index, only.name);
    return [[only, isFile ? only.name : undefined]];
  }
  for (const { name } of places) {
    if (holds(index, name)) continue;
    throw new CtxPackError("CTXPACK_E_CONFLICT", `${uri} has no output called ${name}`, {
      hint: "whoever computed it declared other outputs; give yours the same names, or --force",
      details: { uri, name },
    });
  }
  return places.map((place) => [place, place.name]);
}

/** Whether a pack is that of one file. */
function holdsOnly(index: IndexReader, name: string): boolean {
  let count = 0;
  for (const entry of index.entries()) {
    count += 1;
    if (count > 1 || entry.path !== name || "dir" in entry) return false;
  }
  return count === 1;
}

function holds(index: IndexReader, name: string): boolean {
  for (const { path } of index.entries()) {
    if (path === name || path.startsWith(`${name}/`)) return true;
  }
  return false;
}

/** Whether a pack of this folder would look like one of a file. */
function isAmbiguous({ path, name }: OutputPlace): boolean {
  const [first, ...others] = statesBelow(path).split("\n");
  return others.length === 0 && first?.startsWith(`${name} `) === true && isFile(join(path, name));
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
}

function unlike({ path, shown }: Pick<OutputPlace, "path" | "shown">, what: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_COMMAND", `the output ${shown} ${what}`, {
    hint: "write a folder's path with a slash behind it, a file's without; nothing was stored",
    details: { path },
  });
}

/** A link to nothing is nothing. */
function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** `realpath` of what exists of a path, and the rest as it is. */
function realPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPlace(parent), basename(path));
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
