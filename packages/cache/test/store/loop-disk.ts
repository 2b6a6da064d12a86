import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { workplace } from "./fixture.ts";

/** File systems that share blocks. */
export const CLONING = ["xfs", "btrfs"] as const;

/** A file system of its own for one test, if this machine lets us make and mount one. */
export function mountLoop(kind: (typeof CLONING)[number]): string | undefined {
  const place = workplace();
  const [image, mount] = [join(place, "image"), join(place, "mnt")];
  try {
    execFileSync("truncate", ["-s", "400m", image]);
    execFileSync(`mkfs.${kind}`, ["-q", image], { stdio: "ignore" });
    mkdirSync(mount);
    execFileSync("mount", ["-o", "loop", image, mount], { stdio: "ignore" });
  } catch {
    console.warn(`skipped: needs mkfs.${kind} (xfsprogs, btrfs-progs) and the right to mount`);
    return undefined;
  }
  onTestFinished(() => {
    execFileSync("umount", [mount]);
  });
  return mount;
}
