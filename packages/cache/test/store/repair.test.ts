import { chmodSync, existsSync, lstatSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { digestHex } from "@ctxpack/identity";
import { describe, expect, it } from "vitest";
import { Store } from "../../src/index.ts";
import { parsePackManifest } from "../../src/pack/index.ts";
import { attribute, checkBlobs } from "../../src/store/check/check-blobs.ts";
import { checkLeftovers } from "../../src/store/check/check-leftovers.ts";
import { checkPacks } from "../../src/store/check/check-packs.ts";
import { CheckRun } from "../../src/store/check/check-run.ts";
import { checkTrees } from "../../src/store/check/check-trees.ts";
import { repairFiles } from "../../src/store/check/repair.ts";
import { repairPacks } from "../../src/store/check/repair-packs.ts";
import { repairTrees } from "../../src/store/check/repair-trees.ts";
import { clear } from "../../src/store/clear.ts";
import { contractOf, folder, openStore, partsOf, sample, uriFor, workplace } from "./fixture.ts";

const uri = uriFor("t");

/** A store with one pack, in which another process works while it is repaired. */
async function onePack() {
  const dir = workplace();
  const out = folder(join(dir, "out"), sample);
  const store = await openStore(join(dir, "store"));
  await store.seed(out, contractOf("t"));
  return { out, store, tree: await store.tree(uri) };
}

/** Looks at a store, has `meanwhile` done by somebody else, and repairs what was found before. */
async function repairAfter(
  { dir }: Store,
  o: {
    readonly look: (run: CheckRun) => Promise<unknown>;
    readonly meanwhile: () => unknown;
    readonly repair: (run: CheckRun) => Promise<void>;
  },
) {
  const parts = partsOf(dir);
  try {
    await using run = new CheckRun(parts, { deep: true });
    await o.look(run);
    expect(run.findings.count, "the damage is seen").toBe(1);
    await o.meanwhile();
    await o.repair(run);
    return run.findings.report();
  } finally {
    parts.database.close();
    parts.workspace.close();
  }
}

describe("between look and repair somebody else is at work:", () => {
  it("a blob that is put right stays", async () => {
    const { store } = await onePack();
    const { segments } = parsePackManifest((await store.manifest(uri)).bytes);
    const path = join(store.dir, "blobs/sha256", digestHex(segments[0]?.digest ?? "sha256:"));
    const right = readFileSync(path);
    const put = (bytes: Uint8Array): void => {
      rmSync(path);
      writeFileSync(path, bytes, { mode: 0o444 });
    };
    put(Buffer.from(right).fill(0, 0, 1));
    const damages = await repairAfter(store, {
      async look(run) {
        await checkPacks(run);
        await checkBlobs(run);
        await attribute(run, run.findings.open("blob-corrupt"));
      },
      meanwhile: () => put(right),
      repair: (run) => repairPacks(run, undefined),
    });
    expect(damages).toMatchObject([{ kind: "blob-corrupt", state: "repaired", uris: [uri] }]);
    expect(readFileSync(path)).toEqual(right);
    expect(await store.get(uri)).toMatchObject({ partial: false });
  });

  it("a folder that is made again stays", async () => {
    const { out, store, tree } = await onePack();
    await using rival = await Store.open(store.dir);
    chmodSync(tree, 0o755);
    rmSync(join(tree, "a.txt"));
    let made: number | undefined;
    const damages = await repairAfter(store, {
      async look(run) {
        await checkPacks(run);
        await checkTrees(run);
      },
      async meanwhile() {
        await rival.tree(uri, { verify: true });
        made = lstatSync(dirname(tree)).ino;
      },
      repair: (run) => repairTrees(run, undefined),
    });
    expect(damages).toMatchObject([{ kind: "tree-file-missing", state: "repaired" }]);
    expect(lstatSync(dirname(tree)).ino).toBe(made);
    expect(readFileSync(join(tree, "a.txt"))).toEqual(readFileSync(join(out, "a.txt")));
  });

  it("a folder that is taken away is not made again", async () => {
    const { store, tree } = await onePack();
    rmSync(join(dirname(tree), "made.json"));
    const damages = await repairAfter(store, {
      async look(run) {
        await checkPacks(run);
        await checkTrees(run);
      },
      meanwhile: () => clear(dirname(tree)),
      repair: (run) => repairTrees(run, undefined),
    });
    expect(damages).toMatchObject([{ kind: "tree-marker-damaged", state: "repaired" }]);
    expect(existsSync(dirname(tree)), "who took it away did not want it").toBe(false);
  });

  it("the log of a pack that comes back stays", async () => {
    const { out, store } = await onePack();
    const hex = uriFor("u").slice(-64);
    const log = join(folder(join(store.dir, "logs", hex.slice(0, 2)), { [hex]: "kept" }), hex);
    const damages = await repairAfter(store, {
      look: checkLeftovers,
      meanwhile: () => store.seed(out, contractOf("u")),
      repair: repairFiles,
    });
    expect(damages).toMatchObject([
      { kind: "stale-log", outcome: "stays: its pack is here again", state: "repaired" },
    ]);
    expect(readFileSync(log, "utf8")).toBe("kept");
  });
});
