// `gc` and `ls --size` of the store, as its user meets them.
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, run, scratch } from "./run.ts";

cleanUp();

const DAY_MS = 86_400_000;

/** A store with packs of these names and sizes in bytes, all unused for 40 days. */
async function oldStore(packs: Record<string, number>): Promise<{ cwd: string; uris: string[] }> {
  const cwd = scratch();
  const uris: string[] = [];
  for (const [name, size] of Object.entries(packs)) {
    mkdirSync(join(cwd, name));
    writeFileSync(join(cwd, name, "shared"), "the same in each");
    writeFileSync(join(cwd, name, "f"), noise(size));
    const contract = { name, transforms: [{ tool: name }] };
    writeFileSync(join(cwd, `${name}.json`), JSON.stringify(contract));
    const { stdout } = await run(["seed", name, "--contract", `${name}.json`, "-q"], { cwd });
    uris.push(stdout.trim());
  }
  age(join(cwd, "store"), 40);
  for (const [i, uri] of uris.entries()) {
    const hex = uri.slice("ctx://sha256:".length);
    const at = new Date(Date.now() - (50 - i) * DAY_MS);
    utimesSync(join(cwd, "store/packs", hex.slice(0, 2), `${hex}.json`), at, at);
  }
  return { cwd, uris };
}

function age(dir: string, days: number): void {
  const at = new Date(Date.now() - days * DAY_MS);
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) utimesSync(join(entry.parentPath, entry.name), at, at);
  }
}

/** Does not compress. */
function noise(size: number): Buffer {
  let x = size | 1;
  return Buffer.from(
    Array.from({ length: size }, () => {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      return x & 255;
    }),
  );
}

test("says what can go and why, removes it when told, and keeps what is pinned", async () => {
  const { cwd, uris } = await oldStore({ one: 300_000, two: 200_000 });
  await run(["pin", uris[1] as string], { cwd });
  const said = await run(["gc", "--older-than", "30d"], { cwd });
  expect(said.code).toBe(0);
  expect(said.stdout).toMatch(/^WHAT {2,}SIZE {2,}USED {2,}NAME {2,}REASON\n/);
  expect(said.stdout).toContain(uris[0]?.slice(13, 25));
  expect(said.stdout).toMatch(/30\d kB .* one .* not used since \d{4}-/);
  expect(said.stdout).not.toContain(uris[1]?.slice(13, 25));
  expect(said.stderr).toMatch(/takes 5\d\d kB of .*; 30\d kB can go: see --apply\n$/);
  const done = await run(["gc", "--older-than", "30d", "--apply", "--json"], { cwd });
  const report = JSON.parse(done.stdout);
  expect(report).toMatchObject({ applied: true, packs: [{ uri: uris[0], name: "one" }] });
  expect(report.sizeAfter).toBeLessThan(report.size - 300_000);
  expect((await run(["exists", uris[0] as string], { cwd })).code).toBe(3);
  expect((await run(["pull", uris[1] as string], { cwd })).code).toBe(0);
  const again = await run(["gc"], { cwd });
  expect([again.code, again.stdout]).toEqual([0, ""]);
  expect(again.stderr).toMatch(/everything is needed/);
});

test("a size takes what was used longest ago; the user's budget is the one that is kept", async () => {
  const { cwd, uris } = await oldStore({ one: 300_000, two: 200_000 });
  await run(["unpin", uris[0] as string], { cwd });
  const report = JSON.parse((await run(["gc", "--max-size", "250kB", "--json"], { cwd })).stdout);
  expect(report.budget).toBe(250_000);
  expect(report.packs).toHaveLength(1);
  const config = join(cwd, "config/ctxpack/config.json");
  mkdirSync(join(cwd, "config/ctxpack"), { recursive: true });
  writeFileSync(config, '{"storeBudget": "1.5GB"}');
  const env = { XDG_CONFIG_HOME: join(cwd, "config") };
  expect(JSON.parse((await run(["gc", "--json"], { cwd, env })).stdout).budget).toBe(1.5e9);
  writeFileSync(config, '{"storeBudget": "much"}');
  expect(await run(["gc"], { cwd, env })).toMatchObject({ code: 2, stdout: "" });
  writeFileSync(join(cwd, "ctxpack.config.json"), '{"storeBudget": "1GB"}');
  const refused = await run(["gc"], { cwd });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("/storeBudget is for the user to say");
});

test("no blob goes of a pack whose record is damaged: it is named, and can be put right or removed", async () => {
  const { cwd, uris } = await oldStore({ one: 30_000, two: 20_000 });
  const uri = uris[0] as string;
  const hex = uri.slice("ctx://sha256:".length);
  writeFileSync(join(cwd, "store/packs", hex.slice(0, 2), `${hex}.json`), "{");
  expect((await run(["ls"], { cwd })).stdout).not.toContain(hex.slice(0, 12));
  const kept = await run(["gc", "--apply"], { cwd });
  expect([kept.code, kept.stdout]).toEqual([0, ""]);
  expect(kept.stderr).toContain(`no blob goes: nobody knows which belong to ${uri}; ctxpack fsck`);
  expect((await run(["rm", uri], { cwd })).code).toBe(0);
  const done = await run(["gc", "--apply"], { cwd });
  expect(done.stdout).toMatch(/^[45] blobs .* of no pack$/m);
});

test("lists what packs take, alone, by name, and by what they share", async () => {
  const { cwd, uris } = await oldStore({ one: 300_000, two: 200_000 });
  writeFileSync(join(cwd, "three.json"), '{"name":"one","transforms":[{"tool":"three"}]}');
  await run(["seed", "one", "--contract", "three.json"], { cwd });
  const byVersion = await run(["ls", "--size", "--plain"], { cwd });
  const rows = byVersion.stdout
    .trimEnd()
    .split("\n")
    .map((row) => row.split("\t"));
  expect(rows.map(([uri]) => uri)).toContain(uris[1]);
  const [, , content, stored, own] = rows.find(([uri]) => uri === uris[1]) ?? [];
  expect([content, Number(stored) > 200_000, own]).toEqual(["200016", true, stored]);
  // The same output under two contracts: all but the contract and the manifest is shared.
  const first = rows.find(([uri]) => uri === uris[0]) ?? [];
  expect(Number(first[4])).toBeLessThan(2000);
  const byName = await run(["ls", "--size", "--by", "name"], { cwd });
  expect(byName.stdout).toMatch(
    /^PACKS {2,}CONTENT {2,}STORED {2,}OWN {2,}NAME\n2 .* one\n1 .* two\n$/,
  );
  const shared = JSON.parse(
    (await run(["ls", "--size", "--by", "shared", "--json"], { cwd })).stdout,
  );
  expect(shared.sizes.at(-1).packs).toEqual([uris[1]]);
});
