import { chmod, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/** A folder with a longer path, in bytes, is moved up before it is looked into: no call takes one of 4096. */
const MAX_PATH = 2048;

const SEPARATOR = Buffer.from("/");

/** Removes a folder, whatever a tool left in it: folders that it locked, paths too long for any call, names in bytes. */
export async function removeTree(root: string): Promise<void> {
  const folders = [Buffer.from(root)];
  let moved = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    // What cannot be opened up, or is gone, is up to the removal itself.
    await chmod(folder, 0o700).catch(() => undefined);
    const listing = { encoding: "buffer", withFileTypes: true } as const;
    for (const entry of await readdir(folder, listing).catch(() => [])) {
      if (!entry.isDirectory()) continue;
      let path = Buffer.concat([folder, SEPARATOR, entry.name]);
      if (path.length > MAX_PATH) {
        const shorter = Buffer.from(join(root, `deep-${moved++}`));
        await chmod(path, 0o700).catch(() => undefined);
        await rename(path, shorter);
        path = shorter;
      }
      folders.push(path);
    }
  }
  await rm(root, { recursive: true, force: true, maxRetries: 3 });
}
