import { lstatSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { CommandError } from "../exit.ts";

/** The folders that paths of a client have to lie in. */
export class Roots {
  /** Without links; relative paths count from the first. */
  readonly folders: readonly string[];

  private constructor(folders: readonly string[]) {
    this.folders = folders;
  }

  /** Throws CTXPACK_E_PATH_NOT_FOUND for what is no folder. */
  static open(given: readonly string[], cwd: string): Roots {
    return new Roots(given.map((path) => realFolder(path, resolve(cwd, path))));
  }

  /** What relative paths count from. */
  get base(): string {
    return this.folders[0] as string;
  }

  /**
   * Where a path leads, without links; what is not there yet is judged by the folder it would lie in. Throws
   * CTXPACK_E_PERMISSION, the same whether something is there or not.
   */
  confine(path: string, base: string = this.base): string {
    const real = path.includes("\0") ? undefined : realPath(resolve(base, path));
    if (real !== undefined && this.folders.some((root) => isWithin(real, root))) return real;
    throw new CommandError(
      "CTXPACK_E_PERMISSION",
      `${JSON.stringify(path)} is outside of what this server was given`,
      `it was started for ${this.folders.join(", ")}; ctxpack mcp --root FOLDER adds another`,
    );
  }
}

function realFolder(given: string, path: string): string {
  try {
    if (statSync(path).isDirectory()) return realpathSync(path);
  } catch {
    // Said below.
  }
  throw new CommandError(
    "CTXPACK_E_PATH_NOT_FOUND",
    `--root ${given}: no such folder`,
    "write --root FOLDER",
  );
}

/** `undefined` for a link that leads nowhere: what is written there would lie where it points. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    if (isThere(path) || dirname(path) === path) return undefined;
    const parent = realPath(dirname(path));
    return parent === undefined ? undefined : join(parent, basename(path));
  }
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    // Below something that is no folder, or that may not be looked into: not for us.
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}
