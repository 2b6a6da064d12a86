import { mkdirSync } from "node:fs";
import { findProgram, quote, runScript } from "./programs.ts";

/** A file system of its own in a file, mounted until it is disposed. Needs root. */
export interface LoopDisk extends Disposable {
  readonly dir: string;
}

const MAKERS = { xfs: "mkfs.xfs -q", btrfs: "mkfs.btrfs -q" } as const;

export type LoopKind = keyof typeof MAKERS;

/** `undefined` where this process may not mount, or the program that makes the file system is absent. */
export function mountLoop(kind: LoopKind, at: string): LoopDisk | undefined {
  const [program = ""] = MAKERS[kind].split(" ");
  if (process.getuid?.() !== 0 || !findProgram(program)) return undefined;
  mkdirSync(at);
  const image = quote(`${at}.img`);
  try {
    runScript(
      `truncate -s 4G ${image}; ${MAKERS[kind]} ${image}; mount -o loop ${image} ${quote(at)}`,
    );
  } catch {
    return undefined;
  }
  return { dir: at, [Symbol.dispose]: () => void runScript(`umount ${quote(at)}`) };
}
