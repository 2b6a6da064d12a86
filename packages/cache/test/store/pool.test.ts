import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { sha256 } from "@ctxpack/identity";
import { beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/index.ts";
import { SharedFile } from "../../src/store/output.ts";
import { Pool } from "../../src/store/pool.ts";
import { contractOf, folder, noise, openFiles, openStore, uriFor, workplace } from "./fixture.ts";
import { CLONING, mountLoop } from "./loop-disk.ts";
import { drive } from "./spawn.ts";

const big = noise(2_000_000);
const small = noise(30_000, 3);

describe.each(["this disk", ...CLONING] as const)("on %s", (disk) => {
  let dir: string;
  let store: Store;
  beforeEach(async (context) => {
    const place = disk === "this disk" ? workplace() : mountLoop(disk);
    if (place === undefined) return context.skip();
    dir = place;
    store = await openStore(join(dir, "store"));
  });

  async function treeOf(tool: string, content: Parameters<typeof folder>[1]): Promise<string> {
    await store.seed(folder(join(dir, `out-${tool}`), content), contractOf(tool));
    return store.tree(uriFor(tool));
  }

  function pooled(bytes: Uint8Array, exec = false): string {
    const hex = sha256(bytes).slice(7);
    return join(store.dir, "files", hex.slice(0, 2), exec ? `${hex}.x` : hex);
  }

  describe("trees share contents", () => {
    it("of 16 KiB and more, within a pack and between packs, each with its own x bit", async () => {
      const a = await treeOf("a", { big, "copy/big": big, small, tiny: "t", run: "r" });
      const b = await treeOf("b", { "x/big": big, small, tiny: "t", more: "" });
      expect(readFileSync(join(b, "x/big")).equals(big)).toBe(true);
      expect(existsSync(join(store.dir, "files", sha256(Buffer.from("t")).slice(7, 9)))).toBe(
        false,
      );
      if (disk !== "this disk") {
        for (const path of [join(a, "big"), join(a, "copy/big"), join(b, "x/big"), pooled(big)]) {
          expect(execFileSync("filefrag", ["-sv", path]).toString()).toMatch(/\bshared\b/);
        }
      } else if (statSync(join(a, "big")).nlink > 1) {
        expect(
          new Set(
            [join(a, "big"), join(a, "copy/big"), join(b, "x/big"), pooled(big)].map(
              (p) => statSync(p).ino,
            ),
          ).size,
        ).toBe(1);
        expect(statSync(join(a, "small")).ino).toBe(statSync(join(b, "small")).ino);
        expect(statSync(join(a, "tiny")).ino).not.toBe(statSync(join(b, "tiny")).ino);
      }
      const out = folder(join(dir, "exec"), { big });
      chmodSync(join(out, "big"), 0o755);
      await store.seed(out, contractOf("c"));
      const c = await store.tree(uriFor("c"));
      expect(lstatSync(join(c, "big")).mode & 0o777).toBe(0o555);
      expect(lstatSync(join(a, "big")).mode & 0o777).toBe(0o444);
      expect(existsSync(pooled(big, true))).toBe(true);
    });

    it("but never a damaged file: what arrives is compared, and a new file begins at the difference", async () => {
      const a = await treeOf("a", { big, small });
      chmodSync(pooled(big), 0o644);
      const damaged = Buffer.from(big);
      damaged.writeUInt8(big.readUInt8(1_500_000) ^ 1, 1_500_000);
      writeFileSync(pooled(big), damaged);
      chmodSync(pooled(big), 0o444);
      const b = await treeOf("b", { "x/big": big });
      expect(readFileSync(join(b, "x/big")).equals(big)).toBe(true);
      expect(lstatSync(join(b, "x/big")).mode & 0o777).toBe(0o444);
      expect(readFileSync(pooled(big)).equals(big)).toBe(true);
      // And the folder whose file it was is repaired as soon as it is asked for.
      expect(
        readFileSync(join(await store.tree(uriFor("a"), { verify: true }), "big")).equals(big),
      ).toBe(true);
      expect(readFileSync(join(a, "small")).equals(small)).toBe(true);
    });

    it.each([
      [
        "of another size",
        () => rmSync(pooled(big)),
        () => writeFileSync(pooled(big), "short", { mode: 0o444 }),
      ],
      [
        "that is a link",
        () => rmSync(pooled(big)),
        () => folder(join(pooled(big), ".."), { [sha256(big).slice(7)]: { link: "/etc/passwd" } }),
      ],
      ["that may be written", () => chmodSync(pooled(big), 0o644), () => undefined],
    ])("but no file %s", async (_, remove, put) => {
      await treeOf("a", { big });
      remove();
      put();
      const b = await treeOf("b", { "x/big": big });
      expect(readFileSync(join(b, "x/big")).equals(big)).toBe(true);
      expect(lstatSync(join(b, "x/big")).isFile()).toBe(true);
    });

    it("with nobody outside the store", async () => {
      const a = await treeOf("a", { big });
      await store.extract(uriFor("a"), join(dir, "to"));
      expect(statSync(join(dir, "to/big")).nlink).toBe(1);
      expect(statSync(join(dir, "to/big")).ino).not.toBe(statSync(join(a, "big")).ino);
    });
  });

  it("ends when the shared file is cut short while it is compared", async () => {
    const entry = { digest: sha256(big), offset: 0, path: "big", size: big.length };
    await treeOf("a", { big });
    const pool = new Pool(join(store.dir, "files"), join(dir, "scratch"));
    const file = new SharedFile(pool, entry, join(dir, "copy"), pool.open(entry) ?? -1);
    file.write(big.subarray(0, 1_500_000));
    chmodSync(pooled(big), 0o644);
    truncateSync(pooled(big), 1_200_000);
    try {
      expect(() => file.write(big.subarray(1_500_000))).toThrow(
        expect.objectContaining({ code: "CTXPACK_E_STORE_DAMAGED" }),
      );
    } finally {
      file.close();
    }
    expect(openFiles(dir).filter((path) => !path.includes("store.db"))).toEqual([]);
  });

  it("a shared content appears with all that is in it", async () => {
    const source = join(dir, "big");
    writeFileSync(source, big, { mode: 0o444 });
    const sizes = new Set<number>();
    const stop = new AbortController();
    const looking = (async () => {
      const path = pooled(big);
      while (!stop.signal.aborted) {
        for (let i = 0; i < 2000; i++)
          sizes.add(lstatSync(path, { throwIfNoEntry: false })?.size ?? -1);
        await turn();
      }
    })();
    // By another process: what this thread does it would never see half done.
    const ended = await drive([store.dir, "share", source, sha256(big)]);
    stop.abort();
    await looking;
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    // The process has left it there.
    sizes.add(statSync(pooled(big)).size);
    expect([...sizes].sort((a, b) => a - b)).toEqual([-1, big.length]);
  });
});
