import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { CtxPackError, compareBytewise } from "@ctxpack/identity";

/** `contract.yaml`, and `embed.contract.yaml` where a project has several. */
const CONTRACT = /(?:^|\.)contract\.(?:json|ya?ml)$/;

/** What is in them is not the project's own. */
const FOREIGN: ReadonlySet<string> = new Set(["node_modules", ".git"]);

/** A folder that is not looked into, and the file names looked for in the others. */
interface SearchOptions {
  /** The store, which may lie in the project. Absolute. */
  readonly except: string;
  readonly signal: AbortSignal;
}

/**
 * The contract files below a folder, relative to it, sorted bytewise. Links to folders are not followed, `node_modules`
 * and `.git` not looked into. Throws `CTXPACK_E_PERMISSION` for a folder that may not be read.
 */
export async function contractFilesBelow(dir: string, options: SearchOptions): Promise<string[]> {
  const found: string[] = [];
  const open = [""];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    options.signal.throwIfAborted();
    for (const entry of await entriesOf(join(dir, folder))) {
      const path = folder === "" ? entry.name : join(folder, entry.name);
      const isOwn = !FOREIGN.has(entry.name) && join(dir, path) !== options.except;
      if (entry.isDirectory() && isOwn) open.push(path);
      if (entry.isFile() && CONTRACT.test(entry.name)) found.push(path);
    }
  }
  return found.sort(compareBytewise);
}

/**
 * The one contract of a folder: `contract.yaml` or the like, else the only one that is called as contracts are. Throws
 * CTXPACK_E_PATH_NOT_FOUND when there is none, CTXPACK_E_USAGE when there are several.
 */
export async function onlyContractIn(dir: string): Promise<string> {
  const found = (await entriesOf(dir))
    .filter((entry) => entry.isFile() && CONTRACT.test(entry.name))
    .map(({ name }) => name)
    .sort(compareBytewise);
  const plain = found.filter((name) => name.startsWith("contract."));
  const [only, ...others] = plain.length > 0 ? plain : found;
  if (only !== undefined && others.length === 0) return only;
  if (only === undefined) {
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `there is no contract in ${dir}`, {
      hint: "name one; ctxpack init writes contract.yaml",
      details: { path: dir },
    });
  }
  throw new CtxPackError(
    "CTXPACK_E_USAGE",
    `there are several contracts here: ${found.join(", ")}`,
    {
      hint: "name one",
      details: { path: dir, found },
    },
  );
}

async function entriesOf(dir: string) {
  return await readdir(dir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EACCES" || error.code === "EPERM") {
      throw new CtxPackError("CTXPACK_E_PERMISSION", `the folder ${dir} may not be read`, {
        hint: "name the contracts instead of having them looked for",
        cause: error,
        details: { path: dir },
      });
    }
    // Gone since it was listed.
    if (error.code === "ENOENT") return [];
    throw error;
  });
}
