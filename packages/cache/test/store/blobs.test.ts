import { chmodSync, lstatSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Digest, sha256 } from "@ctxpack/identity";
import { bytesSource, type Descriptor } from "@ctxpack/oci";
import { beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/index.ts";
import { Blobs } from "../../src/store/blobs.ts";
import { Places } from "../../src/store/places.ts";
import { collect, noise, openFiles, openStore, text, workplace } from "./fixture.ts";

let store: Store;
beforeEach(async () => {
  store = await openStore(join(workplace(), "store"));
});

const bytes = noise(2_500_000);
const d: Descriptor = {
  mediaType: "application/octet-stream",
  digest: sha256(bytes),
  size: bytes.length,
};

describe("blobs", () => {
  it("are stored read-only under their digest, whatever the umask, and read back", async () => {
    const before = process.umask(0o077);
    try {
      expect(await store.blobs.exists(d)).toBe(false);
      await store.blobs.push(d, bytesSource(bytes));
    } finally {
      process.umask(before);
    }
    expect(await store.blobs.exists(d)).toBe(true);
    expect(await store.blobs.exists({ ...d, size: 3 })).toBe(false);
    expect(lstatSync(join(store.dir, "blobs/sha256", d.digest.slice(7))).mode & 0o777).toBe(0o444);
    let size = 0;
    for await (const chunk of store.blobs.fetch(d)) size += chunk.length;
    expect(size).toBe(bytes.length);
    const slice = store.blobs.fetch(d, { range: { offset: 1_000_000, length: 5 } });
    const [only] = await collect(slice);
    expect(Buffer.from(only ?? []).equals(bytes.subarray(1_000_000, 1_000_005))).toBe(true);
  });

  it("are not read again when they are here", async () => {
    await store.blobs.push(d, bytesSource(bytes));
    const never = { size: d.size, open: () => expect.unreachable() };
    await store.blobs.push(d, never);
  });

  it("that are removed after a look at them are missing", () => {
    const places = new Places(store.dir);
    class Raced extends Blobs {
      override has(blob: typeof d): boolean {
        const isHere = super.has(blob);
        rmSync(places.blob(blob.digest));
        return isHere;
      }
    }
    writeFileSync(places.blob(d.digest), bytes);
    const blobs = new Raced(places, { path: () => join(store.dir, "temporary") });
    expect(() => blobs.readWhole(d)).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_NOT_FOUND" }),
    );
  });

  const wrong: [string, Uint8Array, string][] = [
    ["other bytes", noise(bytes.length, 7), "CTXPACK_E_DIGEST_MISMATCH"],
    ["too few", bytes.subarray(1), "CTXPACK_E_SIZE_MISMATCH"],
    ["too many", Buffer.concat([bytes, bytes]), "CTXPACK_E_SIZE_MISMATCH"],
  ];
  it.each(wrong)("are refused with %s, and nothing stays", async (_, content, code) => {
    await expect(store.blobs.push(d, bytesSource(content))).rejects.toMatchObject({ code });
    expect(readdirSync(join(store.dir, "blobs/sha256"))).toEqual([]);
    const [owner = ""] = readdirSync(join(store.dir, "tmp"));
    expect(readdirSync(join(store.dir, "tmp", owner))).toEqual([]);
    expect(openFiles(store.dir)).toEqual([]);
  });

  it("that are damaged are noticed when they are read", async () => {
    await store.blobs.push(d, bytesSource(bytes));
    const path = join(store.dir, "blobs/sha256", d.digest.slice(7));
    chmodSync(path, 0o644);
    writeFileSync(path, noise(bytes.length, 3));
    await expect(text(store.blobs.fetch(d))).rejects.toMatchObject({
      code: "CTXPACK_E_DIGEST_MISMATCH",
    });
    writeFileSync(path, "short");
    await expect(text(store.blobs.fetch(d))).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
    // Another size is not this blob: the next write replaces it.
    await store.blobs.push(d, bytesSource(bytes));
    expect(await store.blobs.exists(d)).toBe(true);
  });

  it("have no names but digests", async () => {
    for (const digest of ["sha256:../../VERSION", "sha512:ab", "../VERSION"] as Digest[]) {
      expect(await store.blobs.exists({ ...d, digest })).toBe(false);
      await expect(text(store.blobs.fetch({ ...d, digest }))).rejects.toMatchObject({
        code: "CTXPACK_E_NOT_FOUND",
      });
      await expect(store.blobs.push({ ...d, digest }, bytesSource(bytes))).rejects.toThrow();
    }
  });

  it("stop when aborted, and leave nothing", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const pushing = store.blobs.push(
      d,
      {
        size: d.size,
        async *open() {
          yield bytes.subarray(0, 1_000_000);
          controller.abort(reason);
          yield bytes.subarray(1_000_000);
        },
      },
      { signal: controller.signal },
    );
    await expect(pushing).rejects.toBe(reason);
    expect(await store.blobs.exists(d)).toBe(false);
    expect(openFiles(store.dir)).toEqual([]);
  });
});
