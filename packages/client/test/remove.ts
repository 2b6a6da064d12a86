import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";

/** Removes a folder with a store in it: materialised trees are read-only, which stops who is not root. */
export function removeReadOnly(folder: string): void {
  spawnSync("chmod", ["-R", "u+rwX", folder]);
  rmSync(folder, { recursive: true, force: true });
}
