import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CtxPackError } from "../../src/errors.ts";

/** A folder of its own below the system's temporary folder, removed when disposed. */
export class TestFolder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "ctxpack-tree-"));

  file(path: string, content: string | Uint8Array = path): string {
    const full = join(this.path, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
    return full;
  }

  link(path: string, target: string): string {
    const full = join(this.path, path);
    mkdirSync(dirname(full), { recursive: true });
    symlinkSync(target, full);
    return full;
  }

  folder(path: string): string {
    const full = join(this.path, path);
    mkdirSync(full, { recursive: true });
    return full;
  }

  [Symbol.dispose](): void {
    // A test may have closed a folder to its owner too.
    spawnSync("chmod", ["-R", "u+rwX", this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The pipeline of DESIGN §4.2: what `dirHash1` says without us. */
export function coreutilsDigest(dir: string): string {
  const pipeline =
    "find -L . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0r sha256sum -z -- | tr '\\0' '\\n' | sha256sum";
  const out = execFileSync("bash", ["-c", pipeline], { cwd: dir, encoding: "utf8" });
  return `dirHash1:${out.slice(0, 64)}`;
}

/** The error of ours that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<CtxPackError> {
  const error: unknown = await promise.then(
    () => new Error("nothing was thrown"),
    (reason: unknown) => reason,
  );
  if (CtxPackError.isInstance(error)) return error;
  throw error;
}
