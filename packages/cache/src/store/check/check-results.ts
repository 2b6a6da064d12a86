import { lstatSync } from "node:fs";
import { join } from "node:path";
import { digestHex } from "@ctxpack/identity";
import { GRACE } from "../collect/plan.ts";
import { unlessMissing } from "../disk.ts";
import { parseResult } from "../results.ts";
import { names } from "./check-packs.ts";
import type { CheckRun } from "./check-run.ts";

/** Results of items whose map has no pack yet: their names, sizes and ages, and with `deep` their bytes. */
export async function checkResults(run: CheckRun): Promise<void> {
  const { results } = run.parts.places;
  for (const shelf of names(results)) {
    if (!run.isShelf(results, shelf)) continue;
    for (const name of names(join(results, shelf))) {
      await run.breathe();
      await checkResult(run, join(results, shelf, name), { shelf, name });
    }
  }
  await run.hasher.settle();
}

async function checkResult(
  run: CheckRun,
  path: string,
  { shelf, name }: { readonly shelf: string; readonly name: string },
): Promise<void> {
  // One that is gone has become part of a pack meanwhile.
  const stat = unlessMissing(() => lstatSync(path));
  if (stat === undefined) return;
  const result = parseResult(name);
  if (result === undefined || !name.startsWith(shelf)) {
    run.findings.add("foreign-file", path, "no result of an item has this name");
    return;
  }
  const isOurs = run.expectOwner(path, stat.uid);
  const corrupt = (message: string) => run.findings.add("result-corrupt", path, message);
  if (!stat.isFile() || stat.size !== result.size) {
    corrupt(`is not the file of ${result.size} bytes that its name says`);
  } else if (Date.now() - stat.mtimeMs > GRACE.resultMs) {
    run.findings.add("stale-result", path, "was used by no map for a month");
  } else if (run.deep || !isOurs) {
    const { size } = stat;
    await run.hasher.add({
      path,
      size,
      done(hex, code) {
        if (hex === digestHex(result.digest) || code === "ENOENT") return;
        corrupt(hex === undefined ? `cannot be read: ${code}` : "has another content");
      },
    });
  }
}
