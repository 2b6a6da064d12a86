import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { CtxUri, Digest } from "@ctxpack/identity";
import { unlessMissing } from "../disk.ts";
import {
  names,
  readManifest,
  readRecord,
  recordNames,
  reportCorrupt,
  reportUnreadable,
} from "./check-packs.ts";
import type { CheckRun } from "./check-run.ts";
import type { Finding } from "./damage.ts";

/** Every file among the blobs, whoever refers to it: its name, mode and owner, and with `deep` its content. */
export async function checkBlobs(run: CheckRun): Promise<void> {
  const { blobs } = run.parts.places;
  for (const name of names(blobs)) {
    await run.breathe();
    const path = join(blobs, name);
    const stat = unlessMissing(() => lstatSync(path));
    if (stat === undefined) continue;
    if (!/^[0-9a-f]{64}$/.test(name)) {
      run.findings.add("foreign-file", path, "no blob has this name");
      continue;
    }
    run.checked.blobs += 1;
    const mode = stat.mode & 0o777;
    const isOurs = run.expectOwner(path, stat.uid);
    if (!stat.isFile()) run.findings.add("blob-mode", path, "is no file");
    else if (process.platform !== "win32" && mode !== 0o444) {
      run.findings.add("blob-mode", path, `has the mode ${mode.toString(8)}, blobs have 444`);
    }
    // What somebody else may have written is always read.
    if (stat.isFile() && (run.deep || !isOurs)) await hashBlob(run, `sha256:${name}`, stat.size);
  }
  await run.hasher.settle();
}

/** Hashes one blob; settled with the run's hasher. */
export async function hashBlob(
  run: CheckRun,
  digest: Digest,
  size: number,
  uris: readonly CtxUri[] = [],
): Promise<void> {
  const path = run.parts.blobs.path(digest);
  await run.hasher.add({
    path,
    size,
    done(hex, code) {
      if (hex !== undefined && `sha256:${hex}` !== digest) reportCorrupt(run, digest, hex, uris);
      // Gone meanwhile: whoever needs it has been looked at.
      if (hex === undefined && code !== "ENOENT") reportUnreadable(run, path, code ?? "", uris);
    },
  });
}

/** Adds to what is wrong with blobs the packs that need them: looked up only when something is wrong. */
export async function attribute(run: CheckRun, findings: readonly Finding[]): Promise<void> {
  if (findings.length === 0) return;
  const byPath = Map.groupBy(findings, ({ path }) => path);
  const { blobs } = run.parts;
  const add = (digest: Digest, uri: CtxUri): void => {
    for (const { uris } of byPath.get(blobs.path(digest)) ?? []) uris.add(uri);
  };
  for (const uri of await recordNames(run)) {
    const record = readRecord(run, uri);
    if (record === undefined) continue;
    add(record.manifest.digest, uri);
    const manifest = readManifest(run, record);
    if (manifest === undefined) continue;
    const { config, index, segments } = manifest;
    for (const { digest } of [config, index, ...segments]) add(digest, uri);
    await run.breathe();
  }
}
