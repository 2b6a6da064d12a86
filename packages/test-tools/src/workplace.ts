import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Removes a folder. Trees of a store are read-only folders: who is not root has to open them up first. */
export function removeReadOnly(folder: string): void {
  spawnSync("chmod", ["-R", "u+rwX", folder]);
  rmSync(folder, { recursive: true, force: true });
}

/** A new folder of its own, removed when disposed. */
export function scratchFolder(): Disposable & { readonly path: string } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "ctxpack-tools-")));
  return { path, [Symbol.dispose]: () => removeReadOnly(path) };
}
