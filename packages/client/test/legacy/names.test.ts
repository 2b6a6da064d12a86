// v0 packs on file systems that this machine has not.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyRenames, removeReadOnly } from "@ctxpack/test-tools";
import { afterAll, expect, test } from "vitest";
import { extractTo } from "../../src/legacy/extract.ts";
import type { LegacyPack } from "../../src/legacy/pack.ts";
import { place } from "../../src/legacy/place.ts";
import { workOf } from "../../src/work.ts";

const cwd = mkdtempSync(join(tmpdir(), "ctxpack-v0-names-"));
afterAll(() => removeReadOnly(cwd));

const plain = { foldsCase: false, foldsForm: false, isWindows: false };

test.each([
  ["a device", ["docs/nul.txt"], { isWindows: true }, /"docs\/nul.txt" is no file name/],
  ["a stream", ["a:b"], { isWindows: true }, /is no file name/],
  ["two cases", ["A/x", "a/y"], { foldsCase: true }, /"A" and "a" are one name/],
  ["two forms", ["\u00e9", "e\u0301"], { foldsForm: true }, /are one name/],
] as const)("%s is refused before anything is written", async (_, paths, rules, message) => {
  const entries = () => paths.map((path) => ({ path, dir: true }));
  const pack = { entries } as unknown as LegacyPack;
  const to = join(cwd, "out");
  const probe = () => ({ ...plain, ...rules });
  const failed = extractTo(pack, to, () => true, workOf({}), probe);
  await expect(failed).rejects.toMatchObject({
    code: "CTXPACK_E_UNSUPPORTED",
    message: expect.stringMatching(message),
  });
  expect(readdirSync(cwd)).toEqual([]);
});

test("a folder is put in its place though somebody looks into it, as on Windows", async () => {
  const staging = join(cwd, "staging");
  mkdirSync(staging);
  writeFileSync(join(staging, "a"), "");
  using busy = busyRenames();
  await place(staging, join(cwd, "out"));
  expect(busy.refused).toHaveLength(1);
  expect(existsSync(join(cwd, "out/a"))).toBe(true);
});
