import type { Names } from "./names.ts";

/**
 * Pairs of names, folders among them, that a file system which ignores case or composition takes
 * for one. An approximation on the side of too many: the file system itself is asked before writing.
 */
export function foldings(names: Names): [string, string][] {
  const seen = new Map<string, string>();
  const pairs: [string, string][] = [];
  let folder = "";
  for (let row = 0; row < names.count; row++) {
    const path = names.path(row);
    // Folders are implied: each is looked at once, when the first entry below it comes.
    for (let slash = path.indexOf("/"); slash > 0; slash = path.indexOf("/", slash + 1)) {
      if (folder.startsWith(path.slice(0, slash + 1))) continue;
      fold(path.slice(0, slash));
    }
    folder = path.slice(0, path.lastIndexOf("/") + 1);
    fold(path);
  }
  return pairs;

  function fold(name: string): void {
    const key = name.normalize("NFKD").toUpperCase().toLowerCase();
    const other = seen.get(key);
    if (other === undefined) seen.set(key, name);
    else if (other !== name) pairs.push([other, name]);
  }
}
