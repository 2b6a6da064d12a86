import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdtempSync,
  openSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { clear } from "./clear.ts";
import { systemCode } from "./disk.ts";
import { fileSystemOf, type LockKeeper } from "./file-system.ts";

/** What the disk under a folder can do, found out with two small files that are gone afterwards. */
export interface DiskProbe {
  /** Name of the file system, or its number in hex. */
  readonly fileSystem: string;
  /** Who keeps locks: this machine's kernel, a server on the network, or a program (FUSE), which may not. */
  readonly locks: LockKeeper;
  readonly writable: boolean;
  /** Copies share their bytes until one of them is changed. */
  readonly reflink: boolean;
  readonly hardLink: boolean;
  /** Bytes that may still be written, and bytes in all. */
  readonly free: number;
  readonly size: number;
}

/** Looks at the disk of `dir`, or of the nearest folder above it that is there. */
export function probeDisk(dir: string): DiskProbe {
  let place = dir;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  const { type, bavail, bsize, blocks } = statfsSync(place);
  const space = { free: bavail * bsize, size: blocks * bsize };
  const facts = { ...fileSystemOf(type), ...space };
  let scratch: string;
  try {
    scratch = mkdtempSync(join(place, ".ctxpack-probe-"));
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return { ...facts, writable: false, reflink: false, hardLink: false };
  }
  try {
    return { ...facts, ...tryFiles(scratch) };
  } finally {
    clear(scratch);
  }
}

function tryFiles(scratch: string): Pick<DiskProbe, "writable" | "reflink" | "hardLink"> {
  const file = join(scratch, "a");
  const can = (work: () => void): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return false;
    }
  };
  const writable = can(() => {
    const fd = openSync(file, "wx");
    try {
      writeSync(fd, "a");
    } finally {
      closeSync(fd);
    }
  });
  return {
    writable,
    reflink:
      writable &&
      can(() => copyFileSync(file, join(scratch, "b"), constants.COPYFILE_FICLONE_FORCE)),
    hardLink: writable && can(() => linkSync(file, join(scratch, "c"))),
  };
}
