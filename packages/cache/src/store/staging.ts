import { lstatSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { clearLeftover } from "./clear.ts";
import { onDisk, unlessMissing } from "./disk.ts";
import { isGone, ownerName, parseOwner } from "./owner.ts";

/** How the name of a folder begins that is not finished; its owner's name follows. */
const STAGING = ".ctxpack-";

/** A path of our own beside a place of the user's, for what will be renamed to it. */
export function stagingBeside(target: string): string {
  return join(dirname(target), `${STAGING}${ownerName()}`);
}

/** Clears what killed extractions of this user to this place have left beside it: others may have put things there, too. */
export function clearStale(target: string): void {
  const dir = dirname(target);
  const names = unlessMissing(() => onDisk("reading", dir, () => readdirSync(dir)));
  for (const name of names ?? []) {
    if (!name.startsWith(STAGING)) continue;
    const owner = parseOwner(name.slice(STAGING.length).replace(/\.names$/, ""));
    const stat = unlessMissing(() => lstatSync(join(dir, name)));
    const isMine = process.getuid === undefined || stat?.uid === process.getuid();
    if (owner === undefined || stat === undefined || !isMine) continue;
    if (isGone(owner, stat.mtimeMs, Date.now())) clearLeftover(join(dir, name));
  }
}
