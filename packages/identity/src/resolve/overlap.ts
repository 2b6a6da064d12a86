import { realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Contract } from "../contract.ts";
import type { CtxPackError } from "../errors.ts";
import { type ParsedContract, placeOf } from "../parse.ts";
import { compileFilter } from "../pattern.ts";
import { errorAt } from "../source/place.ts";

/** Files that an input or `code` takes from the disk. */
export interface Selection {
  /** JSON pointer of the `path` or `code`. */
  readonly pointer: string;
  /** Absolute: a file, or the folder the patterns match in. */
  readonly root: string;
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}

/** A declared output on the disk, links of its existing part followed. */
export interface OutputPlace {
  /** JSON pointer of its `path`. */
  readonly pointer: string;
  readonly real: string;
}

/** Where a contract's outputs are. */
export async function outputPlaces(contract: Contract, baseDir: string): Promise<OutputPlace[]> {
  const places: OutputPlace[] = [];
  for (const [index, { path }] of (contract.outputs ?? []).entries()) {
    places.push({
      pointer: `/outputs/${index}/path`,
      real: await realPlace(resolve(baseDir, path)),
    });
  }
  return places;
}

/**
 * Refuses an output that lies in what is selected, or the other way round: a result would become part of its own
 * recipe (DESIGN §4.1). Without `lines` it judges by the patterns alone, before anything is read; with the lines of
 * the hashed tree it also sees files that lie in an output now.
 *
 * @throws CtxPackError `CTXPACK_E_CONTRACT` at the output.
 */
export async function refuseOverlap(
  parsed: ParsedContract,
  outputs: readonly OutputPlace[],
  selection: Selection,
  lines?: Uint8Array,
): Promise<void> {
  if (outputs.length === 0) return;
  const root = await realPlace(selection.root);
  for (const output of outputs) {
    const inside = relative(root, output.real);
    const outside = inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside);
    if (outside ? holds(output.real, root) : takes(selection, inside, lines)) {
      throw overlap(parsed, output, selection);
    }
  }
}

function holds(folder: string, path: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Whether a selection takes the output at `inside`, or any file that may be written into it. */
function takes(selection: Selection, inside: string, lines: Uint8Array | undefined): boolean {
  if (inside === "") return true;
  const path = inside.split(sep).join("/").normalize("NFC");
  const filter = compileFilter(selection);
  // A pattern that takes a file of this name takes whatever is written there; `**/*.py` does not.
  if (filter.wouldSelect(path) || filter.wouldSelect(`${path}/ctxpack-output`)) return true;
  return lines !== undefined && hasPath(lines, path);
}

/** Whether a file at or below `path` is among the lines of a tree. */
function hasPath(lines: Uint8Array, path: string): boolean {
  const text = Buffer.from(lines.buffer, lines.byteOffset, lines.length);
  return [`  ${path}\n`, `  ${path}/`].some((needle) => {
    for (let at = text.indexOf(needle); at !== -1; at = text.indexOf(needle, at + 1)) {
      if (at === 64 || text[at - 65] === 0x0a) return true;
    }
    return false;
  });
}

function overlap(parsed: ParsedContract, output: OutputPlace, selection: Selection): CtxPackError {
  const place = placeOf(parsed, output.pointer);
  const message = `this output overlaps what ${selection.pointer} selects`;
  const hint = selection.pointer.endsWith("/code")
    ? "narrow the code patterns, or write the output elsewhere"
    : "exclude it from the input, or write it elsewhere";
  return errorAt("CTXPACK_E_CONTRACT", place, message, { hint });
}

/** `realpath` of what exists of a path, and the rest as it is. */
async function realPlace(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realPlace(parent), basename(path));
  }
}
