import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { CtxPackError } from "@ctxpack/identity";
import { isWindowsName } from "../pack/index.ts";
import { clear } from "./clear.ts";
import { onDisk } from "./disk.ts";

/** What a file system does to names. */
export interface NameRules {
  /** `A` and `a` are one name. */
  readonly foldsCase: boolean;
  /** `é` as one code point and as two are one name. */
  readonly foldsForm: boolean;
  /** `\` separates folders, `:` and some names are taken. */
  readonly isWindows: boolean;
}

/** Finds out how a file system treats names, by trying it in `folder`, which is made and removed. */
export function probeNames(folder: string): NameRules {
  return onDisk("creating", folder, () => {
    mkdirSync(folder);
    try {
      return {
        foldsCase: isOneName(`${folder}/case`, "a", "A"),
        foldsForm: isOneName(`${folder}/form`, "\u00e9", "e\u0301"),
        isWindows: process.platform === "win32",
      };
    } finally {
      clear(folder);
    }
  });
}

/**
 * Refuses a pack with names that the target would take for one and the same, or split, before anything
 * is written. Folders count too: `A/x` and `a/y` would end up in one folder. Throws
 * `CTXPACK_E_UNSUPPORTED` with both names.
 */
export function refuseFolding(paths: Iterable<string>, rules: NameRules, where: string): void {
  if (!rules.isWindows && !rules.foldsCase && !rules.foldsForm) return;
  const seen = new Map<string, string>();
  for (const path of paths) {
    if (rules.isWindows) refuseWindowsName(path, where);
    for (let end = path.indexOf("/"); ; end = path.indexOf("/", end + 1)) {
      const name = end === -1 ? path : path.slice(0, end);
      const key = fold(name, rules);
      const other = seen.get(key);
      if (other !== undefined && other !== name) throw folded(other, name, where);
      seen.set(key, name);
      if (end === -1) break;
    }
  }
}

function isOneName(folder: string, a: string, b: string): boolean {
  mkdirSync(folder);
  writeFileSync(`${folder}/${a}`, "");
  writeFileSync(`${folder}/${b}`, "");
  return readdirSync(folder).length === 1;
}

/** Coarser than any file system: refusing too much loses a pull, refusing too little loses a file. */
function fold(name: string, rules: NameRules): string {
  const formed = rules.foldsForm ? name.normalize("NFKD") : name;
  return rules.foldsCase ? formed.toUpperCase().toLowerCase() : formed;
}

function folded(a: string, b: string, where: string): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_UNSUPPORTED",
    `${JSON.stringify(a)} and ${JSON.stringify(b)} are one name in ${where}`,
    {
      hint: "pull it into a file system that tells them apart, or only one of them with --only",
      details: { paths: [a, b], path: where },
    },
  );
}

function refuseWindowsName(path: string, where: string): void {
  if (isWindowsName(path)) return;
  throw new CtxPackError(
    "CTXPACK_E_UNSUPPORTED",
    `${JSON.stringify(path)} is no file name in ${where}`,
    {
      hint: "pull it on another system, or without this file (--only)",
      details: { path: where, paths: [path] },
    },
  );
}
