import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { outline } from "../../src/index.ts";
import { contractOf, folder, openStore, uriFor, workplace } from "./fixture.ts";

it("is the index that seeding makes, of small files and of one that is cut", async () => {
  const dir = workplace();
  const large = Buffer.alloc(3_000_000, "content that repeats, and is cut all the same; ");
  const out = folder(join(dir, "out"), {
    "a/b": "1",
    "a/run.sh": { exec: "2" },
    empty: null,
    large,
    link: { link: "a/b" },
  });
  const index = await outline(out);
  const store = await openStore(join(dir, "store"));
  await store.seed(out, contractOf("t"));
  const seeded = await store.index(uriFor("t"));
  expect(index.tree).toBe(seeded.tree);
  expect([...index.entries()]).toEqual([...seeded.entries()]);
  expect(index.segments).toEqual(seeded.segments);
});

it("writes nothing, and refuses what is no output", async () => {
  const dir = workplace();
  const out = folder(join(dir, "out"), { f: "1" });
  chmodSync(out, 0o555);
  await outline(out);
  chmodSync(out, 0o755);
  expect(readdirSync(dir)).toEqual(["out"]);
  expect(spawnSync("mkfifo", [join(out, "fifo")]).status).toBe(0);
  await expect(outline(out)).rejects.toMatchObject({ code: "CTXPACK_E_TREE" });
  await expect(outline(join(dir, "none"))).rejects.toThrow();
  const reason = new Error("stop");
  await expect(outline(out, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});
