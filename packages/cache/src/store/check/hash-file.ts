import { createHash, hash } from "node:crypto";
import { closeSync, fstatSync } from "node:fs";
import { openOwn, readFully } from "../blobs.ts";
import { systemCode } from "../disk.ts";

const BUFFER = 1 << 20;
let shared: Buffer | undefined;

/** The SHA-256 of a file in hex, or why it could not be read. */
export interface HashedFile {
  readonly hex?: string | undefined;
  /** The operating system's code. */
  readonly code?: string | undefined;
}

/**
 * Hashes a file without following a link in its place. `pause` is called after every 16 MiB of a large file.
 * What the disk refuses is an answer, not an error.
 */
export async function hashFile(path: string, pause: () => Promise<void>): Promise<HashedFile> {
  let fd: number;
  try {
    fd = openOwn(path);
  } catch (error) {
    return { code: codeOf(error) };
  }
  try {
    const { size } = fstatSync(fd);
    if (size <= BUFFER) {
      // Nothing is awaited while it is in use.
      shared ??= Buffer.allocUnsafeSlow(BUFFER);
      const n = readFully(fd, shared, 0);
      if (n < BUFFER) return { hex: hash("sha256", shared.subarray(0, n), "hex") };
    }
    return { hex: await hashPieces(fd, pause) };
  } catch (error) {
    return { code: codeOf(error) };
  } finally {
    closeSync(fd);
  }
}

async function hashPieces(fd: number, pause: () => Promise<void>): Promise<string> {
  const buffer = Buffer.allocUnsafeSlow(BUFFER);
  const hasher = createHash("sha256");
  for (let at = 0; ; ) {
    const n = readFully(fd, buffer, at);
    hasher.update(buffer.subarray(0, n));
    at += n;
    if (n < BUFFER) return hasher.digest("hex");
    if (at % (16 * BUFFER) === 0) await pause();
  }
}

function codeOf(error: unknown): string {
  const code = systemCode(error);
  if (code === undefined) throw error;
  return code;
}
