import { isUtf8 } from "node:buffer";
import { type Dirent, readdirSync } from "node:fs";
import { readError, show, treeError } from "./fault.ts";
import { join } from "./table.ts";
import type { Folder, WalkContext } from "./walk.ts";

/** A name in a folder that may count. */
export interface Name {
  /** In NFC. */
  readonly name: string;
  /** As the file system spells it. */
  readonly spelling: string;
  readonly kind: "file" | "folder" | "link";
  /** Printable ASCII: there is nothing to check, and it sorts as it is. */
  readonly isPlain: boolean;
  /** Throws when no line of a `dirHash1` could hold the name; for names that are looked at. */
  check(): void;
}

const ascii = /^[ -~]*$/;

/** The names in a folder, unsorted; sockets, FIFOs and devices are left out. */
export function* listNames(context: WalkContext, folder: Folder): Generator<Name, void, void> {
  const real = join(context.root, folder.spelled);
  const entries = readFolder(context, folder, real);
  let broken: ReadonlySet<string> | undefined;
  const check = (name: string, spelling: string): void => {
    if (name.includes("\n")) throw nameError(context, folder, name, "has a newline in its name");
    // What is not UTF-8 (or a lone surrogate on Windows) arrives as U+FFFD.
    if (!spelling.includes("\ufffd")) return;
    broken ??= undecodable(real);
    if (broken.has(spelling)) {
      throw nameError(context, folder, name, "has a name that is not valid Unicode");
    }
  };
  for (const entry of entries) {
    const kind = kindOf(entry);
    if (kind === undefined) continue;
    const spelling = entry.name;
    if (ascii.test(spelling)) {
      yield { name: spelling, spelling, kind, isPlain: true, check: nothingToCheck };
    } else {
      const name = spelling.normalize("NFC");
      yield { name, spelling, kind, isPlain: false, check: () => check(name, spelling) };
    }
  }
}

function nothingToCheck(): void {}

function readFolder(context: WalkContext, folder: Folder, real: string): Dirent[] {
  try {
    return readdirSync(real, { withFileTypes: true });
  } catch (error) {
    throw readError(join(context.named, folder.path), error);
  }
}

function kindOf(entry: Dirent): Name["kind"] | undefined {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  return entry.isSymbolicLink() ? "link" : undefined;
}

/** The names whose bytes are not UTF-8, as they look after decoding. */
function undecodable(real: string): Set<string> {
  const names = readdirSync(real, { encoding: "buffer" });
  return new Set(names.filter((name) => !isUtf8(name)).map((name) => name.toString()));
}

function nameError(context: WalkContext, folder: Folder, name: string, what: string): Error {
  const path = join(context.named, folder.path === "" ? name : `${folder.path}/${name}`);
  return treeError(path, `${show(path)} ${what}`, { hint: "rename it, or exclude it" });
}
