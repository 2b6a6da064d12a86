// Bytes that were changed in the store: told as damage, never as "not found".
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run, scratch } from "../run.ts";
import { json, packLog } from "./logs.ts";

cleanUp();

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
}

test("11: a changed head is corrupt in show, log, fsck and verify; another run is not touched", async () => {
  const cwd = scratch();
  const uri = await packLog(cwd, { outputs: { "o.txt": "out\n" } });
  const other = await packLog(cwd, { model: "m-2" }, "other.json");
  flip(join(cwd, "store/blobs/sha256", uri.slice(13)));
  for (const args of [["show"], ["replay"], ["export"], ["fork"], ["diff", other]]) {
    const done = await run(["trace", ...args, uri], { cwd });
    expect(done.code, args.join(" ")).toBe(5);
    expect(done.stderr).not.toContain("not found");
    expect(done.stderr).toContain(uri.slice(13));
    expect(done.stdout).toBe("");
  }
  const log = await run(["trace", "log", "--json"], { cwd });
  expect(JSON.parse(log.stdout)).toMatchObject({ runs: [{ uri: other }] });
  expect(log.stderr).toContain(`${uri} is left out`);
  const fsck = await run(["fsck", "--deep"], { cwd });
  expect(fsck.code).toBe(5);
  expect(fsck.stdout).toContain("blob-corrupt");
  expect(fsck.stdout).toContain(uri);
  expect((await run(["verify", uri], { cwd })).code).toBe(5);
  expect((await run(["trace", "replay", other], { cwd })).code).toBe(0);
});

test("11: a changed step or content is corrupt too, in the store and where it was laid out", async () => {
  const cwd = scratch();
  const uri = await packLog(cwd, {
    prompt: "p".repeat(3000),
    outputs: { "o.txt": "out\n" },
  });
  const shown = await result(["trace", "show", uri, "--json"], { cwd });
  // A folder that was laid out from the pack and has changed is laid out again.
  const trees = join(cwd, "store/trees");
  const laid = readdirSync(trees, { recursive: true, encoding: "utf8" })
    .filter((name) => /steps\.ndjson$|content\/[0-9a-f]{64}$/.test(name))
    .map((name) => join(trees, name));
  expect(laid).toHaveLength(3);
  for (const path of laid) flip(path);
  expect(await result(["trace", "show", uri, "--json"], { cwd })).toBe(shown);
  expect((await run(["trace", "replay", uri], { cwd })).code).toBe(0);

  // Without that folder there is the pack alone, and its damage ends each command.
  for (const args of [
    ["trace", "verify", "o.txt"],
    ["trace", "show", uri],
    ["trace", "replay", uri],
  ]) {
    const second = scratch();
    const again = await packLog(second, {
      prompt: "p".repeat(3000),
      outputs: { "o.txt": "out\n" },
    });
    expect(again).toBe(uri);
    const { manifest } = (await json(second, "inspect", uri)) as { manifest: string };
    const blob = (digest: string) => join(second, "store/blobs/sha256", digest.slice(7));
    const { layers } = JSON.parse(readFileSync(blob(manifest), "utf8"));
    for (const { digest } of layers.slice(1)) flip(blob(digest));
    writeFileSync(join(second, "o.txt"), "out\n");
    const done = await run(args, { cwd: second });
    expect(done.code, `${args}: ${done.stderr}`).toBe(5);
    expect(done.stdout + done.stderr).toMatch(/which is damaged|does not hold/);
    // What was put aside as damaged is missing from then on, and its run does not vanish from the list unsaid.
    const log = await run(["trace", "log"], { cwd: second });
    expect(log.code).toBe(0);
    // verify only looks.
    if (args[1] !== "verify") expect(log.stderr).toContain(`${uri} is left out`);
  }
});
