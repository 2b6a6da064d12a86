import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CtxPackError, type CtxUri, type OnProgress } from "@ctxpack/identity";
import { unlessMissing } from "../disk.ts";
import type { Parts } from "../parts.ts";
import { noPack } from "../records.ts";
import { type CheckReport, reportOf } from "./check.ts";
import { hashBlob } from "./check-blobs.ts";
import { checkPack, readRecord } from "./check-packs.ts";
import { CheckRun } from "./check-run.ts";
import { checkTree, settleTrees } from "./check-trees.ts";

/** How one pack is verified. */
export interface VerifyPackOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** `Store.verify`. */
export async function verifyPack(
  parts: Parts,
  uri: CtxUri,
  options: VerifyPackOptions,
): Promise<CheckReport> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  await using run = new CheckRun(parts, { deep: true, signal, onProgress });
  const record = readRecord(run, uri);
  if (record === undefined) {
    if (run.findings.count > 0) return reportOf(run);
    throw noPack(uri, parts.places.dir);
  }
  if (record.partial) {
    throw new CtxPackError(
      "CTXPACK_E_NOT_FOUND",
      `only a part of ${uri} is in ${parts.places.dir}`,
      {
        hint: "pull it, which completes it",
        details: { uri, path: parts.places.dir },
      },
    );
  }
  const manifest = await checkPack(run, uri);
  if (manifest === undefined) return reportOf(run);
  run.checked.blobs += 2;
  for (const { digest, size } of [manifest.config, ...manifest.segments]) {
    run.checked.blobs += 1;
    await hashBlob(run, digest, size, [uri]);
    await run.breathe();
  }
  await run.hasher.settle();
  const wrapper = parts.places.tree(record.tree);
  const shelf = dirname(wrapper);
  for (const name of unlessMissing(() => readdirSync(shelf)) ?? []) {
    if (name.startsWith(basename(wrapper))) await checkTree(run, join(shelf, name));
  }
  await settleTrees(run);
  return reportOf(run);
}
