import { lstat, readdir, realpath, rmdir, stat } from "node:fs/promises";
import { dirname, sep } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";

/** Throws unless `to` is new or an empty folder, in a folder that exists, outside the store. */
export async function expectRoom(to: string, store: string): Promise<void> {
  const parent = await realpath(dirname(to)).catch(unlessMissing);
  if (parent === undefined || !(await stat(parent)).isDirectory()) {
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${dirname(to)} is no folder`, {
      hint: "create it first",
      details: { path: dirname(to) },
    });
  }
  if (parent === store || parent.startsWith(store + sep)) {
    throw new CtxPackError("CTXPACK_E_USAGE", `${to} lies in the store ${store}`, {
      hint: "name a folder outside the store",
      details: { path: to, store },
    });
  }
  const there = await lstat(to).catch(unlessMissing);
  if (there === undefined) return;
  if (there.isDirectory() && (await readdir(to)).length === 0) return;
  throw noRoom(to, there.isDirectory() ? "is not empty" : "exists and is no folder");
}

/** Into an empty folder a folder can be renamed on POSIX systems; elsewhere the empty one goes first. */
export async function place(staging: string, to: string): Promise<void> {
  if (process.platform === "win32") await rmdir(to).catch(unlessMissing);
  try {
    rename(staging, to);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(code)) throw error;
    throw noRoom(to, "was filled by somebody else meanwhile");
  }
}

function noRoom(to: string, why: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_USAGE", `${to} ${why}`, {
    hint: "name a folder that does not exist yet, or an empty one",
    details: { path: to },
  });
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
  throw error;
}
