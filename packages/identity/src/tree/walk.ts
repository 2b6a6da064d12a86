import { type BigIntStats, lstatSync } from "node:fs";
import { sep } from "node:path";
import type { PathFilter } from "../pattern.ts";
import { changedError, readError, show, treeError } from "./fault.ts";
import { type Followed, follow } from "./link.ts";
import { listNames } from "./names.ts";
import { compareBytewise } from "./order.ts";
import { type FileTable, join } from "./table.ts";

/** Files that are looked at between two yields: a fraction of a millisecond. */
const STEP_FILES = 32;

/** A folder on the way from the root to where the walk stands. */
export interface Folder {
  /** Relative path in NFC; `""` is the root. */
  readonly path: string;
  /** The same as the file system spells it. */
  readonly spelled: string;
  /** The absolute path without links. */
  readonly real: string;
  readonly parent: Folder | undefined;
  /** Whether a link was followed on the way here: only then can the walk meet itself. */
  readonly linked: boolean;
}

/** A folder being walked, with what is left of it. */
interface OpenFolder extends Folder {
  readonly parent: OpenFolder | undefined;
  /** Names in NFC, folders with a `/` behind: sorted so, depth first is bytewise by full path. */
  readonly keys: readonly string[];
  /** Name in NFC → name on disk, where they differ. */
  readonly spellings: ReadonlyMap<string, string>;
  readonly links: ReadonlyMap<string, Followed>;
  next: number;
}

/** What a walk needs to know everywhere. */
export interface WalkContext {
  readonly root: string;
  readonly named: string;
  readonly filter: PathFilter | undefined;
}

/**
 * Lists the files below `context.root` (a resolved path) as `find -L` does: links count under their own
 * name as what they lead to. Adds them to `table`; yields their number after each
 * folder and some files.
 *
 * @throws CtxPackError `CTXPACK_E_TREE` for what has no `dirHash1` (DESIGN §4.2), `CTXPACK_E_PERMISSION`.
 */
export function* walk(context: WalkContext, table: FileTable): Generator<number, void, void> {
  const root = { path: "", spelled: "", real: context.root, parent: undefined, linked: false };
  let folder: OpenFolder | undefined = openFolder(context, root);
  while (folder !== undefined) {
    const key: string | undefined = folder.keys[folder.next++];
    if (key === undefined) {
      folder = folder.parent;
      continue;
    }
    if (key.endsWith("/")) folder = openChild(context, folder, key.slice(0, -1));
    else {
      addFile(context, table, folder, key);
      if (table.count % STEP_FILES !== 0) continue;
    }
    yield table.count;
  }
}

function openChild(context: WalkContext, folder: OpenFolder, name: string): OpenFolder {
  const path = below(folder.path, name);
  const spelling = folder.spellings.get(name) ?? name;
  const link = folder.links.get(name);
  const child = {
    path,
    spelled: below(folder.spelled, spelling),
    real: link?.real ?? (folder.real.endsWith(sep) ? folder.real : folder.real + sep) + spelling,
    parent: folder,
    linked: folder.linked || link !== undefined,
  };
  if (child.linked) refuseCycle(context, child);
  return openFolder(context, child);
}

/** Only through a link can a folder lie below itself; it may be a plain folder where that shows. */
function refuseCycle(context: WalkContext, child: Folder): void {
  for (let above = child.parent; above !== undefined; above = above.parent) {
    if (above.real !== child.real) continue;
    const path = join(context.named, child.path);
    throw treeError(path, `${show(path)} leads back to a folder that holds it`, {
      hint: "remove the link, or exclude it",
      details: { target: child.real },
    });
  }
}

/** Reads a folder and decides by name and kind what in it counts; files are not looked at yet. */
function openFolder<T extends Folder>(
  context: WalkContext,
  folder: T & { readonly parent: OpenFolder | undefined },
): OpenFolder {
  const keys: string[] = [];
  const spellings = new Map<string, string>();
  const links = new Map<string, Followed>();
  let isPlain = true;
  for (const each of listNames(context, folder)) {
    const { name, spelling, kind, check } = each;
    isPlain &&= each.isPlain;
    if (each.isPlain && kind !== "link" && context.filter === undefined) {
      keys.push(kind === "folder" ? `${name}/` : name);
      continue;
    }
    const path = below(folder.path, name);
    const file = kind !== "folder" && (context.filter?.wouldSelect(path) ?? true);
    const enter = kind !== "file" && (context.filter?.enters(path) ?? true);
    if (!file && !enter) continue;
    let isFolder = kind === "folder";
    if (kind === "link") {
      // No path leads to a link whose name is not Unicode: it would pass for one that dangles.
      if (spelling.includes("\ufffd")) check();
      const link = follow(context, below(folder.spelled, spelling), path, { file, enter });
      if (link === undefined) continue;
      links.set(name, link);
      isFolder = link.stats.isDirectory();
    }
    check();
    if (spelling !== name) spellings.set(name, spelling);
    keys.push(isFolder ? `${name}/` : name);
  }
  if (spellings.size > 0) refuseEqualNames(context, folder, keys);
  // Plain sorting is by UTF-16, the same thing up to U+D7FF.
  if (!isPlain && keys.some((key) => /[\ud800-\uffff]/.test(key))) keys.sort(compareBytewise);
  else keys.sort();
  return { ...folder, keys, spellings, links, next: 0 };
}

function refuseEqualNames(context: WalkContext, folder: Folder, keys: readonly string[]): void {
  const seen = new Set<string>();
  for (const key of keys) {
    const name = key.endsWith("/") ? key.slice(0, -1) : key;
    if (seen.has(name)) {
      const path = join(context.named, below(folder.path, name));
      throw treeError(
        path,
        `two names of ${show(path)} are equal after Unicode normalisation (NFC)`,
        {
          hint: "rename one of them",
        },
      );
    }
    seen.add(name);
  }
}

function addFile(context: WalkContext, table: FileTable, folder: OpenFolder, name: string): void {
  const path = below(folder.path, name);
  const spelling = folder.spellings.get(name) ?? name;
  const isSpelledSo = spelling === name && folder.spelled === folder.path;
  const spelled = isSpelledSo ? path : below(folder.spelled, spelling);
  const stats = folder.links.get(name)?.stats ?? lstat(context, spelled, path);
  if (!stats.isFile()) throw changedError(join(context.named, path));
  // Counts the match: `wouldSelect` said yes, and now it is known to be a file.
  context.filter?.selects(path);
  table.add(path, spelled, stats);
}

function lstat(context: WalkContext, spelled: string, path: string): BigIntStats {
  try {
    return lstatSync(join(context.root, spelled), { bigint: true });
  } catch (error) {
    throw readError(join(context.named, path), error);
  }
}

function below(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}
