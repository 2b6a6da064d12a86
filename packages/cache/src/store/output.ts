import { closeSync, fchmodSync, fstatSync, openSync } from "node:fs";
import { CtxPackError } from "@ctxpack/identity";
import type { FileEntry } from "../pack/index.ts";
import { readFully, writeFully } from "./blobs.ts";
import { clear } from "./clear.ts";
import { onDisk, systemCode } from "./disk.ts";

/** A file that is being materialised. */
export interface Output {
  write(bytes: Uint8Array): void;
  /** The content was complete and right. */
  end(): void;
  /** Closes what is open, also after a failure. */
  close(): void;
}

/**
 * Gives the files of one folder their modes whatever the umask and the default ACL are. These are the same for all of
 * them, so one look for each mode tells whether anything has to be done.
 */
export class FixedModes {
  readonly #isGiven = new Map<number, boolean>();

  fix(fd: number, mode: number): void {
    let isGiven = this.#isGiven.get(mode);
    if (isGiven === undefined) {
      isGiven = (fstatSync(fd).mode & 0o777) === mode;
      this.#isGiven.set(mode, isGiven);
    }
    if (!isGiven) fchmodSync(fd, mode);
  }
}

/** A file that is written; with `modes` it has that mode exactly. */
export class WrittenFile implements Output {
  readonly #path: string;
  readonly #fd: number;

  constructor(path: string, mode: number, modes: FixedModes | undefined) {
    this.#path = path;
    this.#fd = onDisk("writing", path, () => openNew(path, mode));
    modes?.fix(this.#fd, mode);
  }

  write(bytes: Uint8Array): void {
    onDisk("writing", this.#path, () => writeFully(this.#fd, bytes));
  }

  end(): void {}

  close(): void {
    closeSync(this.#fd);
  }
}

/** What stands there is what a thread that failed has left of this file: it is made anew. */
function openNew(path: string, mode: number): number {
  try {
    return openSync(path, "wx", mode);
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
    clear(path);
    return openSync(path, "wx", mode);
  }
}

/** Where a file that is there already comes from. */
export interface Lender {
  /** Puts the file at `path`, if it still is the one open as `fd`; false when it cannot. */
  take(entry: FileEntry, fd: number, path: string): boolean;
  /** Hears that the file is not what its name says. */
  drop(entry: FileEntry): void;
  /** Is given what was written in its place. */
  give(entry: FileEntry, path: string): void;
}

/**
 * A file that the store may have already: what arrives is compared with it, and only at the end a name is
 * made. At the first difference the file that was lent is damaged: it is dropped, and a new file is written,
 * beginning with what was equal so far.
 */
export class SharedFile implements Output {
  readonly #lender: Lender;
  readonly #entry: FileEntry;
  readonly #path: string;
  readonly #lent: number;
  #written: WrittenFile | undefined;
  #position = 0;

  constructor(lender: Lender, entry: FileEntry, path: string, lent: number) {
    this.#lender = lender;
    this.#entry = entry;
    this.#path = path;
    this.#lent = lent;
  }

  write(bytes: Uint8Array): void {
    if (this.#written === undefined && !this.#isNext(bytes)) {
      this.#lender.drop(this.#entry);
      this.#copy();
    }
    this.#written?.write(bytes);
    this.#position += bytes.length;
  }

  end(): void {
    if (this.#written !== undefined) this.#lender.give(this.#entry, this.#path);
    else if (!this.#lender.take(this.#entry, this.#lent, this.#path)) this.#copy();
  }

  close(): void {
    closeSync(this.#lent);
    this.#written?.close();
  }

  #isNext(bytes: Uint8Array): boolean {
    const found = Buffer.allocUnsafe(bytes.length);
    return readFully(this.#lent, found, this.#position) === bytes.length && found.equals(bytes);
  }

  /** A file of our own with the bytes that were compared. */
  #copy(): void {
    const file = new WrittenFile(this.#path, this.#entry.exec ? 0o555 : 0o444, new FixedModes());
    this.#written = file;
    const buffer = Buffer.allocUnsafe(Math.min(this.#position, 1 << 20));
    for (let at = 0; at < this.#position; ) {
      const part = buffer.subarray(0, Math.min(buffer.length, this.#position - at));
      const count = readFully(this.#lent, part, at);
      if (count < part.length) throw damaged(this.#path);
      file.write(part);
      at += count;
    }
  }
}

/** Somebody cut the pooled file short between two looks at it. */
function damaged(path: string): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_STORE_DAMAGED",
    `the content shared with ${path} was changed`,
    {
      hint: "another program writes into the store; run the command again",
      details: { path },
    },
  );
}
