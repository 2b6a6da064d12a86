import { createHash } from "node:crypto";
import { type Dirent, lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { basename, join, relative, sep } from "node:path";
import { type CtxUri, digestHex } from "@ctxpack/identity";
import type { Entry, FileEntry, IndexReader } from "../../pack/index.ts";
import { firstRow } from "../../pack/names.ts";
import { bootName } from "../boot.ts";
import { systemCode, unlessMissing } from "../disk.ts";
import { isIntact, readMarker } from "../marker.ts";
import { hasMoved, identityOf, MOST_LOOKS, type Seen, see } from "../seen.ts";
import { names, readIndex, readManifest, readRecord } from "./check-packs.ts";
import type { CheckRun } from "./check-run.ts";
import type { DamageKind, Finding } from "./damage.ts";

/** Of one folder no more is reported: it is made anew as a whole. */
const MOST = 100;

const TREE_KINDS: readonly DamageKind[] = [
  "tree-file-changed",
  "tree-file-missing",
  "tree-file-extra",
  "tree-marker-damaged",
];

/** A materialised folder and what it should hold. */
interface Tree {
  readonly wrapper: string;
  readonly root: string;
  readonly uri: CtxUri;
  readonly index: IndexReader;
  /** Of a folder with a part of the pack's files: the digest of their paths, as in its name. */
  readonly selection: string | undefined;
  /** A marker's sample, or the boot in which it was written, says that contents have to be looked at. */
  readonly isDoubtful: boolean;
  /** The folder around it as it was found. */
  readonly seen: Seen;
  /** It is judged although it moves. */
  readonly isLast: boolean;
  /** What was reported of it so far. */
  reported: number;
}

/**
 * Every materialised folder; call it when the packs have been looked at. Returns those that could not be compared
 * with anything because their pack is damaged, which is reported.
 */
export async function checkTrees(run: CheckRun): Promise<string[]> {
  const skipped: string[] = [];
  const { trees } = run.parts.places;
  for (const shelf of names(trees)) {
    if (!run.isShelf(trees, shelf)) continue;
    const dir = join(trees, shelf);
    for (const name of names(dir)) {
      if (/^[0-9a-f]{64}(?:-[0-9a-f]{16})?$/.test(name) && name.startsWith(shelf)) {
        if (!(await checkTree(run, join(dir, name)))) skipped.push(join(dir, name));
      } else {
        run.findings.add("foreign-file", join(dir, name), "no materialised folder has this name");
      }
    }
  }
  await settleTrees(run);
  return skipped;
}

/**
 * Until every folder that was begun is compared. What is wrong with one has to be wrong twice, and in a look during which
 * it did not move: whoever collects takes a folder away for a moment, and gives it back when it has been handed out
 * before that.
 */
export async function settleTrees(run: CheckRun): Promise<void> {
  await run.hasher.settle();
  const { trees, files } = run.checked;
  let again = new Set([...damagedTrees(run).keys(), ...run.moved]);
  for (let look = 2; look <= MOST_LOOKS && again.size > 0; look++) {
    run.moved.clear();
    const damaged = damagedTrees(run);
    for (const wrapper of again) {
      for (const finding of damaged.get(wrapper) ?? []) run.findings.withdraw(finding);
      await checkTree(run, wrapper, { isLast: look === MOST_LOOKS });
    }
    await run.hasher.settle();
    again = new Set(run.moved);
  }
  run.moved.clear();
  Object.assign(run.checked, { trees, files });
}

/** What is wrong with folders, by the folder around each. */
export function damagedTrees(run: CheckRun): Map<string, Finding[]> {
  const { trees } = run.parts.places;
  return Map.groupBy(run.findings.open(...TREE_KINDS), ({ path }) => {
    const [shelf = "", name = ""] = relative(trees, path).split(sep);
    return join(trees, shelf, name);
  });
}

/**
 * One materialised folder; what has to be hashed is settled with the run's hasher. False when its pack's index cannot
 * be read.
 */
export async function checkTree(
  run: CheckRun,
  wrapper: string,
  { isLast = false }: { readonly isLast?: boolean } = {},
): Promise<boolean> {
  const [hex = "", selection] = basename(wrapper).split("-");
  const uri = run.packOfTree.get(`sha256:${hex}`);
  if (uri === undefined) {
    // It may be the folder of a pack whose record cannot be read.
    if (run.findings.open("record-damaged").length > 0) return false;
    run.findings.add("tree-orphan", wrapper, "no pack in this store has these files");
    return true;
  }
  const record = readRecord(run, uri);
  const manifest = record && readManifest(run, record);
  const index = record && manifest && readIndex(run, record, manifest);
  if (index === undefined) return false;
  const seen = see(wrapper);
  const stat = lstatSync(wrapper, { throwIfNoEntry: false });
  if (stat === undefined || seen === undefined) return true;
  run.checked.trees += 1;
  run.expectOwner(wrapper, stat.uid, [uri]);
  const hasMarker = readMarker(wrapper) !== undefined;
  const root = join(wrapper, "files");
  const isDoubtful = !isIntact(wrapper, bootName());
  const tree: Tree = {
    wrapper,
    root,
    uri,
    index,
    selection,
    isDoubtful,
    seen,
    isLast,
    reported: 0,
  };
  if (!hasMarker) {
    report(run, tree, "tree-marker-damaged", wrapper, "made.json is missing or damaged");
  }
  try {
    await checkFiles(run, tree);
    await checkNothingElse(run, tree);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    report(run, tree, "tree-file-changed", root, `cannot be read: ${code}`);
  }
  return true;
}

/** Every entry of the index is there, and is what the index says. */
async function checkFiles(run: CheckRun, tree: Tree): Promise<void> {
  const chosen = createHash("sha256");
  let isFirst = true;
  for (const entry of tree.index.entries()) {
    await run.breathe();
    const path = `${tree.root}/${entry.path}`;
    const stat = unlessMissing(() => lstatSync(path));
    if (stat === undefined) {
      if (tree.selection !== undefined) continue;
      if (!report(run, tree, "tree-file-missing", path, "is not there")) return;
      continue;
    }
    chosen.update(isFirst ? entry.path : `\0${entry.path}`);
    isFirst = false;
    run.checked.files += 1;
    const isOurs = run.expectOwner(tree.wrapper, stat.uid, [tree.uri]);
    const wrong = difference(entry, stat, path);
    if (wrong !== undefined) {
      if (!report(run, tree, "tree-file-changed", path, wrong)) return;
    } else if ("digest" in entry && (run.deep || tree.isDoubtful || !isOurs)) {
      await hashEntry(run, tree, entry, { path, stat });
    }
  }
  if (tree.selection === undefined || chosen.digest("hex").slice(0, 16) === tree.selection) return;
  const message = "holds other paths of its pack than it was made with";
  report(run, tree, "tree-file-missing", tree.root, message);
}

/** In what an entry's file, link or folder differs, but for the content of a file. */
function difference(entry: Entry, stat: Stats, path: string): string | undefined {
  if ("link" in entry) {
    if (!stat.isSymbolicLink()) return "is no link";
    return readlinkSync(path) === entry.link ? undefined : "leads somewhere else";
  }
  if ("dir" in entry) return stat.isDirectory() ? undefined : "is no folder";
  if (!stat.isFile()) return "is no file";
  if (stat.size !== entry.size) return `is ${stat.size} bytes, the index says ${entry.size}`;
  const mode = stat.mode & 0o777;
  if (process.platform === "win32" || mode === (entry.exec ? 0o555 : 0o444)) return undefined;
  return `has the mode ${mode.toString(8)}`;
}

async function hashEntry(
  run: CheckRun,
  tree: Tree,
  entry: FileEntry,
  { path, stat }: { readonly path: string; readonly stat: Stats },
): Promise<void> {
  const expected = digestHex(entry.digest);
  if (run.isKnown(stat, expected)) return;
  await run.hasher.add({
    path,
    size: entry.size,
    done(hex, code) {
      if (hex === expected) run.know(stat, expected);
      if (hex === expected || code === "ENOENT") return;
      const message = hex === undefined ? `cannot be read: ${code}` : "has another content";
      report(run, tree, "tree-file-changed", path, message);
    },
  });
}

/** Nothing is there that the index does not have. */
async function checkNothingElse(run: CheckRun, tree: Tree): Promise<void> {
  for (const { path, isFolder } of pathsBelow(tree.root, "")) {
    await run.breathe();
    if (tree.index.find(path) !== undefined || (isFolder && isImplied(tree.index, path))) continue;
    const full = `${tree.root}/${path}`;
    if (!report(run, tree, "tree-file-extra", full, "is not in the pack")) return;
  }
}

/** Whether entries lie below a path: a folder that has lost its files is no extra one. */
function isImplied(index: IndexReader, path: string): boolean {
  const row = firstRow(index, `${path}/`);
  return row < index.count && index.path(row).startsWith(`${path}/`);
}

/** Files, links and empty folders, as a pack has them. */
function* pathsBelow(
  root: string,
  folder: string,
): Iterable<{ readonly path: string; readonly isFolder: boolean }> {
  const entries: Dirent[] = readdirSync(`${root}/${folder}`, { withFileTypes: true });
  if (entries.length === 0 && folder !== "") yield { path: folder, isFolder: true };
  for (const entry of entries) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* pathsBelow(root, path);
    else yield { path, isFolder: false };
  }
}

/**
 * Reports a damage, unless the folder was taken away, given back or replaced while it was looked at, by somebody who saw
 * a damage or collects: then it has to be looked at again. False when so much has been reported that the rest does not
 * matter.
 */
function report(
  run: CheckRun,
  tree: Tree,
  kind: DamageKind,
  path: string,
  message: string,
): boolean {
  const { wrapper, seen } = tree;
  const isThere = tree.isLast ? identityOf(wrapper) === seen.identity : !hasMoved(wrapper, seen);
  if (!isThere) {
    run.moved.add(wrapper);
    return false;
  }
  tree.reported += 1;
  const isLast = tree.reported >= MOST;
  const text = isLast ? `${message}; the rest of this folder was not looked at` : message;
  run.findings.add(kind, path, text, [tree.uri], seen.identity);
  return !isLast;
}
