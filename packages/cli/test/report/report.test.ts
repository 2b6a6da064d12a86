// A store that was worked with, as a report tells of it.
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { ReportedPack, StoreReport } from "@ctxpack/client";
import { beforeAll, expect, test } from "vitest";
import { published } from "../proof/published.ts";
import { cleanUp, result, run, scratch } from "../run.ts";
import { type Scene, scene } from "./scene.ts";

cleanUp();

let made: Scene;
beforeAll(async () => {
  made = await scene();
});

async function report(...args: string[]): Promise<StoreReport> {
  const done = await run(["report", "--json", ...args], { cwd: made.cwd });
  return published("report", done) as unknown as StoreReport;
}

function packOf(found: StoreReport, name: keyof Scene["uris"]): ReportedPack {
  const pack = found.packs.find(({ uri }) => uri === made.uris[name]);
  if (pack === undefined) throw new Error(`${name} is not reported`);
  return pack;
}

test("packs: how they came, what they took, from what, whose word there is", async () => {
  const found = await report();
  expect(found.packs).toHaveLength(6);
  expect(packOf(found, "index")).toMatchObject({
    name: "index",
    from: "computed",
    tools: ["wc@9", "embed"],
    models: ["m-3"],
    took: { by: "log", ms: expect.any(Number) },
    trust: "own",
    proofs: {
      provenance: { packs: [{ name: "words", uri: made.uris.words }] },
      signatures: [{ by: expect.stringMatching(/^key SHA256:/) }],
    },
  });
  expect(packOf(found, "nanos").rechecks).toMatchObject({ runs: 2, different: 2 });
  expect(packOf(found, "text")).toMatchObject({ from: "mapped" });
  expect(packOf(found, "text").proofs?.provenance?.reused).toMatchObject([{ items: 2 }]);
});

test("misses have the reason that the contract gives, as far as packs are here", async () => {
  const found = await report();
  const miss = (name: keyof Scene["uris"]) =>
    found.misses.find(({ uri }) => uri === made.uris[name]);
  expect(miss("words")?.explanation).toMatchObject({
    nearest: { uri: made.uris.earlierWords, name: "words" },
    differences: [{ pointer: "/transforms/0/params/min_length", before: 4, after: 3 }],
  });
  expect(miss("nanos")).toBeDefined();
  expect(miss("nanos")).not.toHaveProperty("explanation");
  // What has changed since has no result yet, and says why.
  const stale = found.contracts.find(({ file }) => file === "words.contract.json");
  expect(stale).toMatchObject({
    state: "stale",
    explanation: { differences: [{ before: 3, after: 2 }] },
  });
});

test("hits: what packs show, and the lines that were kept", async () => {
  const without = await report();
  expect(without.hits).toEqual({
    usedAgain: 0,
    reusedItems: 2,
    pulled: { packs: 0, ms: 0, unknown: 0 },
  });
  const { hits, packs } = await report("--runs", "runs.ndjson");
  const took = packs.find(({ uri }) => uri === made.uris.index)?.took?.ms;
  const nothing = { computed: 0, failed: 0, unknownHits: 0 };
  expect(hits.runs).toEqual({ ...nothing, hits: 1, savedMs: took, ignored: 1 });
  const missing = await run(["report", "--runs", "none.ndjson"], { cwd: made.cwd });
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("none.ndjson")]);
});

test("to be reported is no use: what was used last stays what it was", async () => {
  const files = readdirSync(join(made.cwd, "store/packs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".json"))
    .map((name) => join(made.cwd, "store/packs", name));
  const longAgo = new Date("2026-01-02T03:04:05Z");
  for (const file of files) utimesSync(file, longAgo, longAgo);
  // A contract whose input is another one's output uses that, here as in status.
  const { packs } = await report("nanos.contract.json");
  expect(packs.map(({ usedAt }) => usedAt)).toEqual(files.map(() => longAgo.toISOString()));
  for (const file of files) expect(statSync(file).mtimeMs).toBe(longAgo.getTime());
});

test("nobody learns from it where the project lies", async () => {
  writeFileSync(
    join(made.cwd, "broken.contract.json"),
    '{"inputs":[{"name":"i","path":"nowhere"}],"transforms":[{"tool":"t"}]}',
  );
  const found = await report("broken.contract.json", "nanos.contract.json");
  expect(found.contracts).toMatchObject([{ state: "unknown" }, { state: "fresh" }]);
  expect(JSON.stringify(found)).not.toContain(made.cwd);
});

test("elsewhere: what was pulled, what that saved, and whether the policies in force took it", async () => {
  const { cwd, uris } = made;
  for (const name of ["team", "others"]) {
    if (name === "others") await result(["keygen", "--out", "others.pem"], { cwd });
    const publicKey = readFileSync(join(cwd, `${name}.pub`), "utf8");
    const signers = { [name]: { publicKey } };
    const policy = {
      schema: "ctxpack.policy/v1",
      signers,
      rules: [{ require: [{ signers: [name] }] }],
    };
    writeFileSync(join(cwd, `${name}.policy.json`), JSON.stringify(policy));
  }
  await result(["push", uris.index, "--to", "oci:p", "--attest", "--key", "team.pem"], { cwd });
  await result(["push", uris.nanos, "--to", "oci:p"], { cwd });
  const env = { CTXPACK_CACHE_DIR: join(cwd, "elsewhere") };
  const elsewhere = async (...args: string[]) => await run(args, { cwd, env });
  const policies = ["--policy", "team.policy.json"];
  expect((await elsewhere("pull", uris.index, "--from", "oci:p", ...policies)).code).toBe(0);
  expect((await elsewhere("pull", uris.nanos, "--from", "oci:p")).code).toBe(0);
  const told = async (...args: string[]) => {
    const done = await elsewhere("report", "nanos.contract.json", "--json", ...args);
    return published("report", done) as unknown as StoreReport;
  };
  const found = await told(...policies);
  expect(packOf(found, "index")).toMatchObject({ from: "pulled", trust: "accepted" });
  expect(packOf(found, "index").took).toMatchObject({ by: "provenance" });
  expect(packOf(found, "nanos")).toMatchObject({ from: "pulled", trust: "unsigned" });
  expect(found.hits.pulled).toMatchObject({ packs: 2, unknown: 1 });
  expect(found.policies).toEqual([{ file: "team.policy.json", digest: expect.any(String) }]);
  expect(found.misses).toEqual([]);
  expect(packOf(await told(), "index").trust).toBe("accepted");
  const others = await told("--policy", "others.policy.json");
  expect(packOf(others, "index").trust).toBe("lapsed");
});

test("nor where its inputs lie outside it; a pointer into a contract is none of that", async () => {
  const cwd = join(scratch(), "project");
  mkdirSync(join(cwd, "../shared"), { recursive: true });
  mkdirSync(cwd);
  const inputs = [{ name: "shared", path: "../shared", include: ["*.md"] }];
  const contract = JSON.stringify({ inputs, transforms: [{ tool: "t" }] });
  writeFileSync(join(cwd, "contract.json"), contract);
  writeFileSync(join(cwd, "none.contract.json"), '{"inputs":[{"name":"x","path":"gone"}]}');
  const done = await run(["report", "--json"], { cwd });
  const { contracts } = published("report", done) as unknown as StoreReport;
  const [outside, none] = contracts.map(({ error }) => error?.message);
  expect(outside).toMatch(/below …\/shared/);
  expect(none).toMatch(/: \/?transforms|"transforms"/);
  expect(done.stdout).not.toContain(dirname(cwd));
});

test("a file that cannot be written, or read, is a usage error", async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, "file"), "");
  for (const args of [
    ["--html", "nodir/x.html"],
    ["--html", "file/x.html"],
    ["--runs", "nodir/x"],
    ["--runs", "file/x"],
  ]) {
    const { code, stderr } = await run(["report", ...args], { cwd });
    expect([args, code, stderr]).toEqual([
      args,
      2,
      expect.stringMatching(/^error: .*there is no (?:such folder|file)/),
    ]);
  }
});

test("a page is a new file, or none", async () => {
  const { cwd } = made;
  const done = await run(["report", "--html", "new.html"], { cwd });
  expect(done).toMatchObject({ code: 0, stdout: `${join(cwd, "new.html")}\n`, stderr: "" });
  expect(published("report", await run(["report", "--html", "n.html", "--json"], { cwd }))).toEqual(
    { schemaVersion: 1, path: join(cwd, "n.html") },
  );
  const before = readFileSync(join(cwd, "new.html"), "utf8");
  expect(before).not.toContain(cwd);
  const again = await run(["report", "--html", "new.html"], { cwd });
  expect([again.code, again.stderr]).toEqual([8, expect.stringContaining("is there already")]);
  expect(readFileSync(join(cwd, "new.html"), "utf8")).toBe(before);
});

test("a few lines for a terminal, and an empty store", async () => {
  const { stdout } = await run(["report"], { cwd: made.cwd });
  expect(stdout).toMatch(/^packs +6, .*\n/);
  expect(stdout).toMatch(/^hits +not known: see --runs$/m);
  expect(stdout).toMatch(/^not deterministic +1 pack$/m);
  const empty = published("report", await run(["report", "--json"], { cwd: scratch() }));
  expect(empty).toMatchObject({ packs: [], misses: [], contracts: [] });
});

test("a pack that is damaged is one that cannot be read, and the others are told of", async () => {
  const { cwd, uris } = made;
  rmSync(join(cwd, "store/blobs/sha256", uris.nanos.slice("ctx://sha256:".length)));
  const found = await report("index.contract.json");
  expect(found.packs).toHaveLength(6);
  expect(packOf(found, "nanos")).toMatchObject({ unreadable: true, tools: [] });
  expect(packOf(found, "index")).toMatchObject({ unreadable: false });
});
