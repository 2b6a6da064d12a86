// Damage made by hand in a real store: what fsck and verify say, what --repair does, what the next pull gives.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run, scratch } from "./run.ts";

cleanUp();

const PANTRY = "oci:./pantry";

/** A store and a directory pantry with one pack, materialised in the store. */
async function onePack() {
  const cwd = scratch();
  mkdirSync(join(cwd, "out/docs"), { recursive: true });
  writeFileSync(join(cwd, "out/docs/a"), "hello\n");
  writeFileSync(join(cwd, "out/b"), Buffer.alloc(300_000, "pack"));
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"t"}]}');
  const uri = await result(["seed", "out", "--contract", "c.json", "--quiet"], { cwd });
  await result(["push", uri, "--to", PANTRY], { cwd });
  const path = await result(["pull", uri], { cwd });
  const [config, index, segment] = await blobs(cwd, uri);
  return { cwd, uri, path, config, index, segment: segment ?? "" };
}

/** Where the blobs of a pack lie: config, index, segments. */
async function blobs(cwd: string, uri: string): Promise<string[]> {
  const { manifest } = JSON.parse(await result(["pull", uri, "--json"], { cwd }));
  const place = (digest: string): string => join(cwd, "store/blobs/sha256", digest.slice(7));
  const { config, layers } = JSON.parse(readFileSync(place(manifest), "utf8"));
  return [config, ...layers].map(({ digest }: { digest: string }) => place(digest));
}

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = ~(bytes[bytes.length >> 1] ?? 0);
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
  chmodSync(path, 0o444);
}

async function fsck(cwd: string, ...flags: string[]) {
  const { code, stdout } = await run(["fsck", ...flags, "--json"], { cwd });
  return { code, ...JSON.parse(stdout) };
}

test("a store in which nothing is wrong", async () => {
  const { cwd, uri } = await onePack();
  const done = await run(["fsck", "--deep"], { cwd });
  expect(done).toMatchObject({ code: 0, stdout: "" });
  expect(done.stderr).toMatch(/^looked at 1 pack, 4 blobs and 2 entries of 1 folder; read /);
  expect(done.stderr).toMatch(/\nnothing is damaged\n$/);
  const verified = await run(["verify", uri], { cwd });
  expect(verified).toMatchObject({ code: 0, stdout: `${uri}\n` });
  expect(verified.stderr).toContain("who made this was not checked");
});

test("a flipped byte in a segment: seen by --deep and verify, fetched again, and the next pull is right", async () => {
  const { cwd, uri, path, segment } = await onePack();
  flip(segment);
  expect(await fsck(cwd)).toMatchObject({ code: 0, clean: true });
  const found = await run(["fsck", "--deep"], { cwd });
  expect(found.code).toBe(5);
  expect(found.stdout).toContain(`blob-corrupt  found\n  ${segment}\n`);
  expect(found.stdout).toContain(uri);
  expect(found.stderr).toContain("1 damage: see --repair");
  const verified = await run(["verify", uri, "--plain"], { cwd });
  expect(verified).toMatchObject({
    code: 5,
    stdout: expect.stringMatching(/^blob-corrupt\tfound\t/),
  });
  expect(await fsck(cwd, "--deep", "--repair", "--from", PANTRY)).toMatchObject({
    code: 0,
    clean: true,
    lost: [],
    damages: [{ kind: "blob-corrupt", state: "repaired", uris: [uri] }],
  });
  expect(readdirSync(join(cwd, "store/quarantine"))).toHaveLength(1);
  expect((await run(["verify", uri], { cwd })).code).toBe(0);
  expect(await result(["pull", uri, "--verify"], { cwd })).toBe(path);
});

test("a truncated index, and no pantry: lost, no hit, and a pull completes it", async () => {
  const { cwd, uri, path, index = "" } = await onePack();
  truncateSync(index, 7);
  expect(await fsck(cwd)).toMatchObject({ code: 5, damages: [{ kind: "blob-truncated" }] });
  const done = await run(["fsck", "--repair"], { cwd });
  expect(done.code).toBe(5);
  expect(done.stdout).toContain("blob-truncated  lost");
  expect(done.stderr).toContain(`lost, and no hit any more: ${uri}`);
  expect((await run(["exists", uri], { cwd })).code).toBe(3);
  expect((await run(["verify", uri], { cwd })).code).toBe(3);
  // What could be done has been done.
  expect(await fsck(cwd, "--deep")).toMatchObject({ code: 0, damages: [] });
  expect(await result(["pull", uri, "--from", PANTRY], { cwd })).toBe(path);
  expect((await run(["verify", uri], { cwd })).code).toBe(0);
});

test("a deleted file under a pack: made again without any pantry", async () => {
  const { cwd, uri, path } = await onePack();
  chmodSync(join(path, "docs"), 0o755);
  rmSync(join(path, "docs/a"));
  expect((await run(["verify", uri], { cwd })).code).toBe(5);
  expect(await fsck(cwd, "--repair")).toMatchObject({
    code: 0,
    damages: [{ kind: "tree-file-missing", path: join(path, "docs/a"), state: "repaired" }],
  });
  expect(await result(["pull", uri], { cwd })).toBe(path);
  expect(readFileSync(join(path, "docs/a"), "utf8")).toBe("hello\n");
});

test("what a dead process left is named, does no harm, and is cleared", async () => {
  const { cwd } = await onePack();
  const left = join(cwd, "store/tmp/0badc0de.1.4194304.1.00000000");
  mkdirSync(join(left, "1/files"), { recursive: true });
  utimesSync(left, 0, 0);
  const found = await run(["fsck"], { cwd });
  expect(found.code).toBe(0);
  expect(found.stdout).toContain(`stale-workspace  found\n  ${left}\n`);
  expect(found.stderr).toContain("1 leftover, of which nothing is served: see --repair");
  expect((await run(["fsck", "--repair"], { cwd })).code).toBe(0);
  expect(await fsck(cwd)).toMatchObject({ damages: [] });
});

test("a pantry that is damaged itself, or has another output, repairs nothing", async () => {
  const { cwd, uri, segment } = await onePack();
  cpSync(join(cwd, "pantry"), join(cwd, "bad"), { recursive: true });
  const copy = join(cwd, "bad/blobs/sha256", segment.split("/").at(-1) ?? "");
  flip(copy);
  writeFileSync(join(cwd, "out/b"), "another");
  const other = { cwd, env: { CTXPACK_CACHE_DIR: join(cwd, "elsewhere") } };
  await result(["seed", "out", "--contract", "c.json"], other);
  await result(["push", uri, "--to", "oci:./other"], other);
  rmSync(segment);
  expect(await fsck(cwd, "--repair", "--from", "oci:./other")).toMatchObject({
    code: 5,
    lost: [uri],
    damages: [{ kind: "blob-missing", state: "lost", outcome: "no pantry has it" }],
  });
  const bad = await run(["pull", uri, "--from", "oci:./bad"], { cwd });
  expect(bad.code).toBe(5);
  expect((await run(["exists", uri], { cwd })).code).toBe(3);
  expect((await run(["pull", uri, "--from", PANTRY], { cwd })).code).toBe(0);
  rmSync(segment);
  expect(await fsck(cwd, "--repair", "--from", "oci:./bad")).toMatchObject({
    code: 5,
    lost: [uri],
    damages: [{ outcome: expect.stringContaining("could not be fetched") }],
  });
});

test("verify of a pack that is not here, or in part", async () => {
  const { cwd, uri } = await onePack();
  await result(["rm", uri], { cwd });
  expect((await run(["verify", uri], { cwd })).code).toBe(3);
  const env = { CTXPACK_CACHE_DIR: join(cwd, "second") };
  await result(["pull", uri, "--from", PANTRY, "--only", "docs/**"], { cwd, env });
  const done = await run(["verify", uri], { cwd, env });
  expect(done.code).toBe(3);
  expect(done.stderr).toContain("only a part of");
});
