import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/index.ts";
import { contractOf, folder, noise, openStore, text, uriFor, workplace } from "./fixture.ts";

let store: Store;
const big = noise(3_000_000);
beforeEach(async () => {
  const dir = workplace();
  store = await openStore(join(dir, "store"));
  const out = folder(join(dir, "out"), {
    big,
    "d/f": "inside",
    "d/to-big": { link: "../big" },
    "d/zero": "",
    way: { link: "d" },
  });
  await store.seed(out, contractOf("t"));
});

describe("read", () => {
  it("gives a file that spans segments, an empty one, and what links lead to", async () => {
    const seen: Uint8Array[] = [];
    for await (const chunk of store.read(uriFor("t"), "big")) seen.push(Uint8Array.from(chunk));
    expect(seen.length).toBeGreaterThan(3);
    expect(Buffer.concat(seen).equals(big)).toBe(true);
    expect(await text(store.read(uriFor("t"), "d/zero"))).toBe("");
    expect(await text(store.read(uriFor("t"), "way/f"))).toBe("inside");
    let size = 0;
    for await (const chunk of store.read(uriFor("t"), "way/to-big")) size += chunk.length;
    expect(size).toBe(big.length);
  });

  it.each(["none", "d", "way", "", "../store", "d/f/x"])("refuses %j", async (path) => {
    await expect(text(store.read(uriFor("t"), path))).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
    });
  });

  it("refuses a pack that is not here", async () => {
    await expect(text(store.read(uriFor("u"), "x"))).rejects.toMatchObject({
      code: "CTXPACK_E_NOT_FOUND",
    });
  });

  it("gives out no byte of a damaged segment", async () => {
    const { bytes } = await store.manifest(uriFor("t"));
    const { layers } = JSON.parse(Buffer.from(bytes).toString());
    const path = join(store.dir, "blobs/sha256", layers[3].digest.slice(7));
    const content = readFileSync(path);
    content.writeUInt8(content.readUInt8(1000) ^ 1, 1000);
    chmodSync(path, 0o644);
    writeFileSync(path, content);
    expect(statSync(path).size).toBe(layers[3].size);
    const seen: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of store.read(uriFor("t"), "big")) seen.push(Uint8Array.from(chunk));
    })();
    await expect(reading).rejects.toMatchObject({
      code: "CTXPACK_E_DIGEST_MISMATCH",
      message: expect.stringContaining(path),
    });
    const given = Buffer.concat(seen);
    expect(given.equals(big.subarray(0, given.length))).toBe(true);
    expect(await store.get(uriFor("t"))).toMatchObject({ partial: true });
  });
});
