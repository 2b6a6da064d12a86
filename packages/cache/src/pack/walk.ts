import { LIMITS } from "./limits.ts";
import { type Links, parentOf } from "./links.ts";
import { firstRow, type Names } from "./names.ts";
import { refuseEntry, type TreeErrorCode } from "./path.ts";

/** A file under the name that a walk which follows links meets it by. */
export interface WalkedFile {
  readonly path: string;
  readonly row: number;
}

/**
 * Checks that every link ends inside the tree and that the tree has a `dirHash1` (DESIGN §4.2): a
 * walk that follows links comes to an end, and no folder has two names that are equal after NFC.
 * Throws the code given.
 */
export function checkWalk(names: Names, links: Links, code: TreeErrorCode): void {
  let composed = true;
  const ways: number[] = [];
  for (let row = 0; row < names.count; row++) {
    const path = names.path(row);
    if (composed && !isComposed(path)) composed = false;
    if (names.kind(row) !== "link") continue;
    if (links.resolve(row).kind === "directory") ways.push(row);
  }
  if (ways.length > 0) checkWays(names, links, ways, code);
  if (!composed) checkComposition(names, code);
}

/** Whether a path is in NFC. ASCII always is, and needs no table. */
export function isComposed(path: string): boolean {
  return Buffer.byteLength(path) === path.length || path.normalize("NFC") === path;
}

/** Every file that a walk which follows links meets. The tree has passed `checkWalk`. */
export function* walkFiles(names: Names, links: Links): Generator<WalkedFile, void> {
  const pending = [{ real: "", seen: "" }];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const prefix = folder.real === "" ? "" : `${folder.real}/`;
    for (let row = firstRow(names, prefix); row < names.count; row++) {
      const path = names.path(row);
      if (!path.startsWith(prefix)) break;
      const kind = names.kind(row);
      if (kind === "directory") continue;
      const seen = folder.seen + path.slice(prefix.length);
      if (kind === "file") {
        yield { path: seen, row };
        continue;
      }
      const end = links.resolve(row);
      if (end.kind === "file") yield { path: seen, row: end.row };
      else pending.push({ real: end.path, seen: `${seen}/` });
    }
  }
}

/** One folder of the tree as a walk that follows links sees it. */
interface Folder {
  readonly path: string;
  /** Folders in it and folders that links in it lead to, with the bytes each name takes. */
  readonly into: { readonly folder: Folder; readonly bytes: number; readonly by: string }[];
  files: number;
  longest: number;
  state: "new" | "open" | "done";
  next: number;
}

/**
 * Refuses cycles, and links to folders that multiply: the walk must see at most `LIMITS.walked`
 * files, at paths no longer than any path may be.
 */
function checkWays(names: Names, links: Links, ways: readonly number[], code: TreeErrorCode): void {
  const folders = foldersOf(names, links, ways);
  const root = folders.get("") as Folder;
  const open: Folder[] = [root];
  root.state = "open";
  for (let folder = open.at(-1); folder !== undefined; folder = open.at(-1)) {
    const step = folder.into[folder.next];
    if (step === undefined) {
      folder.state = "done";
      open.pop();
      continue;
    }
    if (step.folder.state === "open") {
      throw refuseEntry(code, step.by, "is a link to a folder that holds it: it closes a cycle");
    }
    if (step.folder.state === "new") {
      step.folder.state = "open";
      open.push(step.folder);
      continue;
    }
    folder.next++;
    folder.files += step.folder.files;
    folder.longest = Math.max(folder.longest, step.bytes + 1 + step.folder.longest);
    if (folder.files > LIMITS.walked || folder.longest > LIMITS.path) {
      const why = `makes a walk that follows links see more than ${LIMITS.walked} files`;
      const long = `makes a walk that follows links see paths over ${LIMITS.path} bytes`;
      throw refuseEntry(code, step.by, folder.files > LIMITS.walked ? why : long);
    }
  }
}

function foldersOf(names: Names, links: Links, ways: readonly number[]): Map<string, Folder> {
  const folders = new Map<string, Folder>();
  folder("");
  for (let row = 0; row < names.count; row++) {
    const path = names.path(row);
    if (names.kind(row) === "directory") {
      folder(path);
      continue;
    }
    const holder = folder(parentOf(path));
    holder.longest = Math.max(holder.longest, nameBytes(path));
    if (names.kind(row) === "file" || links.resolve(row).kind === "file") holder.files++;
  }
  for (const row of ways) {
    const path = names.path(row);
    const end = links.resolve(row);
    if (end.kind !== "directory") continue;
    const into = { folder: folder(end.path), bytes: nameBytes(path), by: path };
    folder(parentOf(path)).into.push(into);
  }
  return folders;

  function folder(path: string): Folder {
    const known = folders.get(path);
    if (known !== undefined) return known;
    const made: Folder = { path, into: [], files: 0, longest: 0, state: "new", next: 0 };
    folders.set(path, made);
    if (path !== "") {
      folder(parentOf(path)).into.push({ folder: made, bytes: nameBytes(path), by: path });
    }
    return made;
  }
}

function nameBytes(path: string): number {
  return Buffer.byteLength(path.slice(path.lastIndexOf("/") + 1));
}

/** Refuses two names of one folder that are one name in NFC; folders that entries imply have names too. */
function checkComposition(names: Names, code: TreeErrorCode): void {
  const seen = new Map<string, string>();
  for (let row = 0; row < names.count; row++) {
    const path = names.path(row);
    for (let end = path.indexOf("/"); ; end = path.indexOf("/", end + 1)) {
      const name = end < 0 ? path : path.slice(0, end);
      const folder = name.lastIndexOf("/") + 1;
      const key = name.slice(0, folder) + name.slice(folder).normalize("NFC");
      const other = seen.get(key);
      if (other !== undefined && other !== name) {
        const shown = JSON.stringify(other);
        throw refuseEntry(code, name, `and ${shown} are one name after NFC normalisation`);
      }
      seen.set(key, name);
      if (end < 0) break;
    }
  }
}
