import { constants, copyFileSync, linkSync } from "node:fs";
import { clear } from "./clear.ts";
import { systemCode } from "./disk.ts";

const CLONE = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE;

/** Gives files of the store a second name, or their blocks a second file where the file system can. */
export class Sharing {
  #canClone = true;

  /** Throws the system's error, `EMLINK` when there are as many names as the file system allows. */
  share(from: string, to: string): void {
    if (this.#canClone) {
      try {
        copyFileSync(from, to, CLONE);
        return;
      } catch (error) {
        if (systemCode(error) === "EEXIST") throw error;
        this.#canClone = false;
        clear(to);
      }
    }
    linkSync(from, to);
  }
}
