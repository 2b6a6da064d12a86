import { fstatSync, statSync, writeSync } from "node:fs";
import { devNull } from "node:os";
import { isClosedPipe } from "./guard.ts";

/** A standard stream: where a command writes. */
export interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string | Uint8Array, done?: (error?: Error | null) => void): boolean;
}

/**
 * stdout or stderr. Short texts go straight to the descriptor, for merely asking Node.js for the stream loads its
 * network code; whoever wants to know when a chunk was taken gets the stream, and so does everything after that.
 */
export class StandardStream implements Stream {
  readonly #fd: 1 | 2;
  #stream: NodeJS.WriteStream | undefined;

  constructor(fd: 1 | 2) {
    this.#fd = fd;
  }

  get isTTY(): boolean {
    return mayBeTerminal(this.#fd) && this.#open().isTTY === true;
  }

  get columns(): number {
    return this.#open().columns;
  }

  write(text: string | Uint8Array, done?: (error?: Error | null) => void): boolean {
    if (done !== undefined || this.#stream !== undefined) return this.#open().write(text, done);
    let rest = typeof text === "string" ? Buffer.from(text) : text;
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#fd, rest));
      return true;
    } catch (error) {
      // A reader may stop at any time: that ends printing, never the work itself.
      if (isClosedPipe(error)) return false;
      // A pipe that is full and must not be waited for: the stream can.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      return this.#open().write(rest);
    }
  }

  /** Waits until everything was taken, or nobody takes it any more. */
  async settled(): Promise<void> {
    const stream = this.#stream;
    if (stream?.writable) await new Promise<void>((resolve) => stream.write("", () => resolve()));
  }

  #open(): NodeJS.WriteStream {
    if (this.#stream === undefined) {
      this.#stream = this.#fd === 1 ? process.stdout : process.stderr;
      this.#stream.on("error", ignoreClosedPipe);
    }
    return this.#stream;
  }
}

/** Terminals are character devices, and so is the one that swallows everything. */
function mayBeTerminal(fd: number): boolean {
  try {
    const found = fstatSync(fd);
    if (!found.isCharacterDevice()) return process.platform === "win32";
    return found.rdev !== statSync(devNull).rdev;
  } catch {
    // Closed, or a device that cannot be looked at.
    return true;
  }
}

function ignoreClosedPipe(error: Error): void {
  if (!isClosedPipe(error)) throw error;
}
