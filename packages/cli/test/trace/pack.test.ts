// Packing a log: the same log is the same pack, whoever packs it and however often, and whatever interrupts it.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bin, cleanUp, result, run, scratch } from "../run.ts";
import { diff, json, logText, packLog } from "./logs.ts";

cleanUp();

test("1: a log packed twice has one URI, and the second time nothing is written", async () => {
  const cwd = scratch();
  const uri = await packLog(cwd);
  const again = await run(["trace", "pack", "log.json", "--json"], { cwd });
  expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining("in the store already") });
  expect(JSON.parse(again.stdout).runs).toEqual([expect.objectContaining({ uri, created: false })]);
  expect(await json(cwd, "trace", "log")).toMatchObject({ runs: [{ uri }] });
  // Another store, another name of the file, stdin.
  const other = scratch();
  expect(await packLog(other, {}, "other.json")).toBe(uri);
  const piped = spawnSync(process.execPath, [bin, "trace", "pack", "-"], {
    input: logText(),
    env: { PATH: process.env["PATH"] ?? "", HOME: other, CTXPACK_CACHE_DIR: join(other, "third") },
    encoding: "utf8",
  });
  expect(piped).toMatchObject({ status: 0, stdout: `${uri}\n` });
});

test("2: integers beyond 2^53 are told apart, digit by digit", async () => {
  const cwd = scratch();
  const [low, high] = ["9007199254740992", "9007199254740993"].map((id) => {
    const name = `${id}.json`;
    const step = { tool: "get", parameters: { id: "ID" }, output: "x" };
    writeFileSync(join(cwd, name), logText({ steps: [step] }).replace('"ID"', id));
    return name;
  }) as [string, string];
  const a = await result(["trace", "pack", low], { cwd });
  const b = await result(["trace", "pack", high], { cwd });
  expect(a).not.toBe(b);
  const { entries } = await diff(cwd, a, b);
  expect(entries).toEqual([
    expect.objectContaining({
      type: "param_drift",
      changes: [
        expect.objectContaining({
          path: "/steps/1/request/id",
          a: { value: { $number: "9007199254740992" } },
          b: { value: { $number: "9007199254740993" } },
        }),
      ],
    }),
  ]);
  expect(await result(["trace", "show", b, "--step", "1"], { cwd })).toContain("9007199254740993");
});

test("12: a blob's digest cannot be shown as a run", async () => {
  const cwd = scratch();
  const uri = await packLog(cwd, { prompt: "p".repeat(5000) });
  const { manifest } = (await json(cwd, "inspect", uri)) as { manifest: string };
  const { layers } = JSON.parse(
    readFileSync(join(cwd, "store/blobs/sha256", manifest.replace("sha256:", "")), "utf8"),
  );
  for (const digest of [manifest, ...layers.map((layer: { digest: string }) => layer.digest)]) {
    for (const name of [digest, `ctx://${digest}`, digest.slice(7, 19)]) {
      const shown = await run(["trace", "show", name], { cwd });
      expect(shown, name).toMatchObject({ code: 3, stdout: "" });
    }
  }
  // Nor can the output of a contract be.
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"t"}]}');
  mkdirSync(join(cwd, "out"));
  const pack = await result(["seed", "out", "--contract", "c.json"], { cwd });
  const shown = await run(["trace", "show", pack], { cwd });
  expect(shown).toMatchObject({ code: 2, stdout: "" });
  expect(shown.stderr).toContain("is no trace of a run");
});

const preload = join(import.meta.dirname, "../kill/preload.ts");

test("16: killed at any instant of packing, nothing is half there, and the next try is clean", async () => {
  const template = scratch();
  const log = logText({
    prompt: "p".repeat(3000),
    outputs: Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`${i}.txt`, `${i}\n`])),
  });
  writeFileSync(join(template, "log.json"), log);
  const killer = (cwd: string, at: number) => ({
    NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} --import=${preload}`,
    CTXPACK_TEST_KILL_AT: String(at),
    CTXPACK_TEST_KILL_LOG: join(cwd, "kill.log"),
    CTXPACK_TEST_KILL_SOURCE: join(cwd, "log.json"),
    CTXPACK_TEST_KILL_ROOTS: join(cwd, "store"),
  });
  const copy = (): string => {
    const cwd = scratch();
    cpSync(template, cwd, { recursive: true });
    return cwd;
  };
  const args = ["trace", "pack", "log.json"];
  const surveyed = copy();
  const uri = await result(args, {
    cwd: surveyed,
    env: killer(surveyed, Number.POSITIVE_INFINITY),
  });
  const calls = readFileSync(join(surveyed, "kill.log"), "utf8").trimEnd().split("\n").length;
  expect(calls).toBeGreaterThan(20);
  const kills = 12;
  let died = 0;
  for (let i = 0; i < kills; i++) {
    const cwd = copy();
    const at = 1 + Math.floor((i * (calls - 6)) / kills);
    const dead = await run(args, { cwd, env: killer(cwd, at) });
    const where = `killed at ${at} of ${calls}`;
    if (dead.code === null) died++;
    if (existsSync(join(cwd, "store/VERSION"))) {
      const looked = await run(["fsck", "--deep"], { cwd });
      expect(looked.code, `${where}\n${looked.stdout}`).toBe(0);
      const listed = (await json(cwd, "trace", "log")) as { runs: { uri: string }[] };
      for (const { uri: seen } of listed.runs) {
        expect((await run(["trace", "replay", seen], { cwd })).code, where).toBe(0);
      }
    }
    expect(await result(args, { cwd }), where).toBe(uri);
    expect((await run(["trace", "replay", uri], { cwd })).code, where).toBe(0);
    expect(await json(cwd, "trace", "log"), where).toMatchObject({ runs: [{ uri }] });
  }
  expect(died).toBeGreaterThan(kills / 2);
});

test("19: eight processes pack one log at once: one run, no error", async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, "log.json"), logText({ prompt: "p".repeat(100_000) }));
  const all = await Promise.all(
    Array.from({ length: 8 }, () => run(["trace", "pack", "log.json"], { cwd })),
  );
  expect(all.map(({ code, stderr }) => (code === 0 ? "" : stderr)).filter(Boolean)).toEqual([]);
  expect(new Set(all.map(({ stdout }) => stdout)).size).toBe(1);
  expect((await json(cwd, "trace", "log")) as object).toMatchObject({
    runs: [{ uri: all[0]?.stdout.trim() }],
  });
  expect((await run(["fsck", "--deep"], { cwd })).code).toBe(0);
});
