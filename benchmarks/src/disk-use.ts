import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** What a folder takes; a file with several names in it counts once. */
export interface DiskUse {
  /** Bytes of all files' content. */
  readonly content: number;
  /** Bytes of the blocks of files and folders. Blocks that files share by reflink count for each of them. */
  readonly blocks: number;
}

export function diskUse(folder: string): DiskUse {
  const seen = new Set<bigint>();
  let content = 0;
  let blocks = 0;
  const add = (path: string): void => {
    const stat = lstatSync(path, { bigint: true });
    if (seen.has(stat.ino)) return;
    seen.add(stat.ino);
    blocks += Number(stat.blocks) * 512;
    if (stat.isFile()) content += Number(stat.size);
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(path)) add(join(path, name));
  };
  add(folder);
  return { content, blocks };
}
