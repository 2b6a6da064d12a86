import { constants, copyFileSync, linkSync } from "node:fs";
import { rename } from "@ctxpack/oci";
import { clear } from "./clear.ts";
import { systemCode } from "./disk.ts";

const CLONE = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE;

/** Gives files of the store a second name, or their blocks a second file where the file system can. */
export class Sharing {
  #canClone = true;

  /**
   * For a name that nobody else looks at: a file that is cloned is an empty one first. Throws the system's error,
   * `EMLINK` when there are as many names as the file system allows.
   */
  share(from: string, to: string): void {
    if (!this.#clone(from, to)) linkSync(from, to);
  }

  /** The same for a name that others know: it appears with all that is in it. `scratch` is a private name beside it. */
  publish(from: string, to: string, scratch: string): void {
    if (!this.#clone(from, scratch)) {
      linkSync(from, to);
      return;
    }
    try {
      rename(scratch, to);
    } catch (error) {
      clear(scratch);
      throw error;
    }
  }

  /** Whether `to` is a clone now. */
  #clone(from: string, to: string): boolean {
    if (!this.#canClone) return false;
    try {
      copyFileSync(from, to, CLONE);
      return true;
    } catch (error) {
      if (systemCode(error) === "EEXIST") throw error;
      this.#canClone = false;
      clear(to);
      return false;
    }
  }
}
