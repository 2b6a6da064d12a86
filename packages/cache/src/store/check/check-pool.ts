import { lstatSync } from "node:fs";
import { join } from "node:path";
import { unlessMissing } from "../disk.ts";
import { names } from "./check-packs.ts";
import type { CheckRun } from "./check-run.ts";

/** The contents that trees share: their names and owners, and with `deep` their bytes. */
export async function checkPool(run: CheckRun): Promise<void> {
  const { shared } = run.parts.places;
  for (const shelf of names(shared)) {
    if (!run.isShelf(shared, shelf)) continue;
    const dir = join(shared, shelf);
    for (const name of names(dir)) {
      await run.breathe();
      await checkContent(run, join(dir, name), name);
    }
  }
  await run.hasher.settle();
}

async function checkContent(run: CheckRun, path: string, name: string): Promise<void> {
  const stat = unlessMissing(() => lstatSync(path));
  if (stat === undefined) return;
  const expected = /^([0-9a-f]{64})(?:\.x)?$/.exec(name)?.[1];
  if (expected === undefined) {
    run.findings.add("foreign-file", path, "no shared content has this name");
    return;
  }
  const isOurs = run.expectOwner(path, stat.uid);
  if (!stat.isFile()) run.findings.add("pool-file-corrupt", path, "is no file");
  else if ((run.deep || !isOurs) && !run.isKnown(stat, expected)) {
    await run.hasher.add({
      path,
      size: stat.size,
      done(hex, code) {
        if (hex === expected || code === "ENOENT") return;
        const message = hex === undefined ? `cannot be read: ${code}` : "has another content";
        run.findings.add("pool-file-corrupt", path, message);
      },
    });
  }
}
