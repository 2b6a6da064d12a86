import { chmodSync, lstatSync, opendirSync, truncateSync, unlinkSync } from "node:fs";
import { join } from "node:path";

/** One block of a disk, in bytes: what takes no more is left. Larger ones are not, for a chunk store has a million of a few blocks. */
const BLOCK = 4096;

/**
 * Gives back the disk that a question took, so that a run of all of them needs no more of it than the largest. Files are
 * emptied and not deleted: after many deletions ext4 is slow to create files, which the next question would measure.
 */
export function giveBack(folder: string): void {
  using entries = opendirSync(folder);
  for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) giveBack(path);
    else if (entry.isFile()) empty(path);
  }
}

function empty(path: string): void {
  const { nlink, size } = lstatSync(path);
  if (size <= BLOCK) return;
  // The other name may be in a corpus, which the next question reads.
  if (nlink > 1) unlinkSync(path);
  else {
    chmodSync(path, 0o600);
    truncateSync(path);
  }
}
