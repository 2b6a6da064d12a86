import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import { scratchFolder } from "@ctxpack/test-tools";
import { expect, test } from "vitest";

test("a pack that somebody removes between its arrival and its folder is fetched again", async () => {
  using scratch = scratchFolder();
  const cwd = scratch.path;
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/data"), "data");
  const env = { HOME: cwd };
  await using maker = await CtxPack.open({ cwd, env, cacheDir: "maker" });
  const { record } = await maker.seed("out", { contract: { transforms: [{ tool: "t" }] } });
  await maker.push(record.uri, { to: "oci:pantry" });
  const said: string[] = [];
  const warn = (text: string): void => void said.push(text);
  await using ctx = await CtxPack.open({ cwd, env, cacheDir: "store", warn });
  let removals = 0;
  const { path, source } = await ctx.pull(record.uri, {
    from: "oci:pantry",
    onProgress({ phase, unit, done, total }) {
      // As `ctxpack rm` in another process does, as soon as the record is there.
      if (phase !== "publish" || unit !== "blobs" || done !== total || removals > 0) return;
      removals += 1;
      rmSync(join(cwd, "store/packs"), { recursive: true });
    },
  });
  expect(removals).toBe(1);
  expect(readFileSync(join(path, "data"), "utf8")).toBe("data");
  expect(source).toContain("pantry");
  expect(said).toEqual([expect.stringContaining("fetching it again")]);
});
