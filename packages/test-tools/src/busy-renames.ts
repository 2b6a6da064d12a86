import fs from "node:fs";
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

/**
 * Until it is disposed of this process takes itself for one on Windows, where an indexer looks at every new file: each
 * first rename of a path fails with `code`, the next one works.
 */
export function busyRenames(
  code: "EPERM" | "EACCES" = "EPERM",
): Disposable & { readonly refused: readonly string[] } {
  const refused: string[] = [];
  const waiting = new Set<string>();
  const { renameSync } = fs;
  const { rename } = promises;
  const platform = Object.getOwnPropertyDescriptor(process, "platform") as PropertyDescriptor;
  const refuseOnce = (from: fs.PathLike): void => {
    const path = String(from);
    if (waiting.delete(path)) return;
    waiting.add(path);
    refused.push(path);
    throw Object.assign(new Error(`${code}: rename '${path}'`), { code, syscall: "rename" });
  };
  fs.renameSync = (from, to) => {
    refuseOnce(from);
    renameSync(from, to);
  };
  promises.rename = async (from, to) => {
    refuseOnce(from);
    await rename(from, to);
  };
  Object.defineProperty(process, "platform", { ...platform, value: "win32" });
  syncBuiltinESMExports();
  return {
    refused,
    [Symbol.dispose]() {
      fs.renameSync = renameSync;
      promises.rename = rename;
      Object.defineProperty(process, "platform", platform);
      syncBuiltinESMExports();
    },
  };
}
