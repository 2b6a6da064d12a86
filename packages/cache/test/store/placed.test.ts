import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/index.ts";
import {
  contractOf,
  folder,
  look,
  noise,
  openStore,
  sample,
  sampleSeen,
  uriFor,
  workplace,
} from "./fixture.ts";

const uri = uriFor("t");
let dir: string;
let store: Store;
beforeEach(async () => {
  dir = workplace();
  store = await openStore(join(dir, "store"));
  await store.seed(folder(join(dir, "out"), { ...sample, big: noise(3_000_000) }), contractOf("t"));
});

describe("a part of a pack", () => {
  it("is a folder, a file, a link or an empty folder of the user's own", async () => {
    await store.extract(uri, join(dir, "d"), { part: "docs" });
    await store.extract(uri, join(dir, "f"), { part: "bin/run" });
    await store.extract(uri, join(dir, "l"), { part: "docs/latest" });
    await store.extract(uri, join(dir, "e"), { part: "empty/folder" });
    expect(look(join(dir, "d"))).toEqual({ "ünï.md": "# text\n", latest: { link: "ünï.md" } });
    expect(lstatSync(join(dir, "f")).mode & 0o777).toBe(0o755);
    expect(lstatSync(join(dir, "l")).isSymbolicLink()).toBe(true);
    expect(readdirSync(join(dir, "e"))).toEqual([]);
    for (const part of ["docs", "bin/run", "docs/latest", "empty/folder"]) {
      const name = { docs: "d", "bin/run": "f", "docs/latest": "l" }[part] ?? "e";
      expect(await store.isPlaced(uri, join(dir, name), { part })).toBe(true);
    }
  });

  it("that a pack has not is an error, and leaves nothing", async () => {
    const before = readdirSync(dir);
    const failing = store.extract(uri, join(dir, "x"), { part: "doc" });
    await expect(failing).rejects.toMatchObject({ code: "CTXPACK_E_PATH_NOT_FOUND" });
    expect(readdirSync(dir)).toEqual(before);
  });
});

describe("in place of what stands there", () => {
  it.each([
    ["a folder", (to: string) => void folder(to, { old: "old" })],
    ["a file", (to: string) => writeFileSync(to, "old")],
    ["a link to nothing", (to: string) => symlinkSync("nowhere", to)],
    ["a link to a folder", (to: string) => symlinkSync("out", to)],
  ])("%s goes to the trash", async (_, make) => {
    const to = join(dir, "to");
    make(to);
    const { ino } = lstatSync(to);
    const moved = await store.extract(uri, to, { displace: true });
    expect(lstatSync(moved?.path ?? "").ino).toBe(ino);
    expect(look(to)).toMatchObject(sampleSeen);
    const file = await store.extract(uri, to, { part: "a.txt", displace: true });
    expect(readFileSync(to, "utf8")).toBe("hello\n");
    expect(look(file?.path ?? "")).toMatchObject(sampleSeen);
  });

  it("many at once leave one whole folder", async () => {
    const to = join(dir, "to");
    const stores = await Promise.all(Array.from({ length: 8 }, () => openStore(store.dir)));
    await Promise.all(stores.map((one) => one.extract(uri, to, { displace: true })));
    expect(await store.isPlaced(uri, to)).toBe(true);
    expect(readdirSync(dir).filter((name) => name.startsWith(".ctxpack-"))).toEqual([]);
  });
});

describe("isPlaced", () => {
  const hurts: Record<string, (to: string) => void> = {
    "another content": (to) => writeFileSync(join(to, "a.txt"), "hellO\n"),
    "another content of a large file": (to) => {
      const bytes = noise(3_000_000);
      bytes[2_500_000] = (bytes[2_500_000] as number) ^ 1;
      writeFileSync(join(to, "big"), bytes);
    },
    "a file more": (to) => writeFileSync(join(to, "docs/more"), ""),
    "an empty folder more": (to) => void folder(join(to, "docs/more"), {}),
    "a file less": (to) => rmSync(join(to, "z/zero")),
    "another x bit": (to) => chmodSync(join(to, "bin/run"), 0o644),
    "another link": (to) => {
      rmSync(join(to, "docs/latest"));
      symlinkSync("../a.txt", join(to, "docs/latest"));
    },
    nothing: (to) => rmSync(to, { recursive: true }),
  };

  it("is true of what was put there, and of what was seeded", async () => {
    await store.extract(uri, join(dir, "to"));
    expect(await store.isPlaced(uri, join(dir, "to"))).toBe(true);
    expect(await store.isPlaced(uri, join(dir, "out"))).toBe(true);
    expect(existsSync(join(dir, "store/trash"))).toBe(false);
  });

  it.each(Object.entries(hurts))("sees %s", async (_, hurt) => {
    const to = join(dir, "to");
    await store.extract(uri, to);
    hurt(to);
    expect(await store.isPlaced(uri, to)).toBe(false);
  });
});
