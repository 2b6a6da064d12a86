import { closeSync, openSync } from "node:fs";
import { readFully, writeFully } from "./blobs.ts";
import { clear } from "./clear.ts";
import { onDisk } from "./disk.ts";
import type { HeldPack } from "./held.ts";
import type { Parts } from "./parts.ts";
import { release } from "./release.ts";
import { MANY } from "./whole-index.ts";

/**
 * Has the index of a pack of very many files lie on disk while it is unpacked: in memory it would take more than all
 * the rest. The index has no entries any more once this is disposed of.
 */
export function laidOut(parts: Parts, { index }: HeldPack): Disposable | undefined {
  if (index.count < MANY) return undefined;
  const path = parts.workspace.path();
  const fd = onDisk("creating", path, () => openSync(path, "wx+", 0o600));
  let isOpen = true;
  const bytes = index.leave((at, into) => {
    if (!isOpen) throw new RangeError("the index of this pack was given up");
    const length = onDisk("reading", path, () => readFully(fd, into, at));
    if (length < into.length) throw new RangeError(`${path} ends at byte ${at + length}`);
  });
  const close = (): void => {
    isOpen = false;
    closeSync(fd);
    clear(path);
  };
  try {
    onDisk("writing", path, () => writeFully(fd, bytes));
  } catch (error) {
    close();
    throw error;
  }
  release(bytes);
  return { [Symbol.dispose]: close };
}
