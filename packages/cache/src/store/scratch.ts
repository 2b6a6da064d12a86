import { mkdirSync } from "node:fs";
import { clear } from "./clear.ts";
import { onDisk } from "./disk.ts";
import type { Parts } from "./parts.ts";

/** A folder of our own for a while. */
export interface Scratch extends Disposable {
  /** Empty, and absolute. */
  readonly path: string;
}

/** `Store.scratch`. */
export function scratch(parts: Parts): Scratch {
  const path = parts.workspace.path();
  onDisk("creating", path, () => mkdirSync(path, { mode: 0o755 }));
  return { path, [Symbol.dispose]: () => clear(path) };
}
