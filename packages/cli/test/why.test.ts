// `why` and `status` as people use them, and as another machine does.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf, missingProgram, startDockerRegistry } from "@ctxpack/test-tools";
import { describe, expect, onTestFinished, test } from "vitest";
import { cleanUp, type Done, result, run, scratch } from "./run.ts";

cleanUp();

const SECRET = "hunter2-of-production";
const OTHER = "correct-horse-battery";

function contract(chunkSize: number): string {
  return `name: handbook
inputs:
  - {name: docs, path: ./docs}
transforms:
  - tool: embed
    code: ["src/*.py"]
    env: [API_TOKEN]
    params: {chunk_size: ${chunkSize}}
outputs:
  - {path: ./index}
`;
}

/** Forty documents, a program, a result of them that is in the store; then some of it is changed. */
async function project(): Promise<{ cwd: string; uri: string }> {
  const cwd = scratch();
  for (const dir of ["docs/sub", "src", "index"]) mkdirSync(join(cwd, dir), { recursive: true });
  for (let i = 0; i < 40; i++) writeFileSync(join(cwd, `docs/sub/${i}.md`), `document ${i}`);
  writeFileSync(join(cwd, "src/embed.py"), "one");
  writeFileSync(join(cwd, "index/a"), "a");
  writeFileSync(join(cwd, "contract.yaml"), contract(512));
  const env = { API_TOKEN: SECRET };
  const uri = await result(["seed", "index", "--contract", "contract.yaml"], { cwd, env });
  return { cwd, uri };
}

function change(cwd: string): void {
  writeFileSync(join(cwd, "docs/sub/3.md"), "another");
  writeFileSync(join(cwd, "docs/sub/new.md"), "new");
  rmSync(join(cwd, "docs/sub/7.md"));
  writeFileSync(join(cwd, "src/embed.py"), "two");
  writeFileSync(join(cwd, "contract.yaml"), contract(256));
}

const told = [
  "~ /inputs/docs/digest  3 of 40 files",
  "    ~ sub/3.md",
  "    + sub/new.md",
  "    - sub/7.md",
  "~ /transforms/0/code_hash  1 of 1 file",
  "    ~ src/embed.py",
  "~ /transforms/0/env/API_TOKEN  another value",
  "~ /transforms/0/params/chunk_size  512 → 256",
];

test("why: a hit is 0, a miss is 3 and says exactly what differs", async () => {
  const { cwd, uri } = await project();
  const hit = await run(["why"], { cwd, env: { API_TOKEN: SECRET } });
  expect([hit.code, hit.stdout]).toEqual([0, `hit ${uri} in the store\n`]);
  change(cwd);
  const env = { API_TOKEN: OTHER };
  const miss = await run(["why", "contract.yaml"], { cwd, env });
  const [first, nearest, ...lines] = miss.stdout.trimEnd().split("\n");
  expect(miss.code).toBe(3);
  expect(first).toMatch(/^miss ctx:\/\/sha256:[0-9a-f]{64}$/);
  expect(nearest).toContain(`nearest ${uri.slice(13, 25)} "handbook" in the store, of 20`);
  expect(lines).toEqual(told);
  expect((await run(["why", "--plain"], { cwd })).stdout).toBe(
    [
      "~\t/inputs/docs/digest\tfile\tsub/3.md",
      "+\t/inputs/docs/digest\tfile\tsub/new.md",
      "-\t/inputs/docs/digest\tfile\tsub/7.md",
      "~\t/transforms/0/code_hash\tfile\tsrc/embed.py",
      "~\t/transforms/0/env/API_TOKEN\tset\tunset",
      "~\t/transforms/0/params/chunk_size\t512\t256",
      "",
    ].join("\n"),
  );
  // What `diff` says of the same, it says in the same words.
  const diff = await run(["diff", uri, "contract.yaml"], { cwd, env });
  expect(diff.stdout.split("\n").filter((line) => !line.includes("dirHash1"))).toEqual([
    ...told.slice(-2),
    "",
  ]);
});

test("why: nothing to compare with, no contract, several contracts", async () => {
  const cwd = scratch();
  const none = await run(["why"], { cwd });
  expect([none.code, none.stdout]).toEqual([2, ""]);
  expect(none.stderr).toContain("there is no contract in");
  writeFileSync(join(cwd, "a.contract.yaml"), "transforms: [{tool: t}]\n");
  const nothing = await run(["why"], { cwd });
  expect(nothing.code).toBe(3);
  expect(nothing.stdout).toContain("nothing to compare with");
  writeFileSync(join(cwd, "b.contract.yaml"), "transforms: [{tool: t}]\n");
  const several = await run(["why"], { cwd });
  expect(several.code).toBe(2);
  expect(several.stderr).toContain("a.contract.yaml, b.contract.yaml");
});

test("why: many files are told in part, all of them with --verbose; what a terminal obeys never", async () => {
  const { cwd } = await project();
  for (let i = 0; i < 40; i++) writeFileSync(join(cwd, `docs/sub/${i}.md`), "all the same");
  writeFileSync(join(cwd, "docs/\u001b[31mred"), "red");
  const env = { API_TOKEN: SECRET };
  const short = (await run(["why"], { cwd, env })).stdout;
  expect(short).toContain("41 of 41 files");
  expect(short).toContain("    and 21 more (--verbose lists them)");
  const long = (await run(["why", "--verbose"], { cwd, env })).stdout;
  expect(long.match(/^ {4}~ /gm)).toHaveLength(40);
  expect(long).toContain("    + \\u001b[31mred");
  expect(long).not.toContain("\u001b");
});

test("another machine, which has only the pantry: with the lists it names the files, without it says so", async () => {
  const { cwd, uri } = await project();
  await result(["push", uri, "--to", "oci:bare"], { cwd });
  const pushed = await run(["push", uri, "--to", "oci:listed", "--with-inputs"], { cwd });
  expect(pushed.stderr).toContain(
    "file lists attached: /inputs/docs/digest, /transforms/0/code_hash",
  );
  change(cwd);
  const elsewhere = (pantry: string) => ({
    API_TOKEN: OTHER,
    CTXPACK_CACHE_DIR: join(cwd, `store-${pantry}`),
    CTXPACK_REGISTRY: `oci:${pantry}`,
  });
  const listed = await run(["why"], { cwd, env: elsewhere("listed") });
  expect(listed.stdout.trimEnd().split("\n").slice(2)).toEqual(told);
  expect(listed.stdout).toContain(`nearest ${uri.slice(13, 25)} in oci:listed`);
  const bare = await run(["why"], { cwd, env: elsewhere("bare") });
  expect(bare.stdout).toContain(
    "    its files are not known: nobody here has the list of dirHash1:",
  );
  expect(bare.stdout).toContain("~ /transforms/0/params/chunk_size  512 → 256");
  expect(bare.stdout).not.toContain("sub/3.md");
  const from = await run(["why", "--from", "oci:listed"], { cwd, env: { API_TOKEN: OTHER } });
  expect(from.stdout).toContain("in oci:listed");
});

describe.skipIf(missingProgram("docker-registry"))("docker-registry", () => {
  test("lists are attached and found where there is no referrers API, and stay when the pantry is collected", async () => {
    const { cwd, uri } = await project();
    const server = await startDockerRegistry();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const pantry = `${server.host}/acme/packs`;
    const env = {
      API_TOKEN: OTHER,
      CTXPACK_CACHE_DIR: join(cwd, "elsewhere"),
      CTXPACK_REGISTRY: pantry,
    };
    await result(["push", uri, "--to", pantry, "--with-inputs"], { cwd });
    await result(["push", uri, "--to", pantry, "--with-inputs"], { cwd });
    await result(["tag", uri, "nightly", "--to", pantry], { cwd });
    await result(["gc", "--pantry", pantry, "--apply"], { cwd });
    change(cwd);
    const { code, stdout } = await run(["why"], { cwd, env });
    expect(code).toBe(3);
    expect(stdout.trimEnd().split("\n").slice(2)).toEqual(told);
    const status = await run(["status", "--plain"], { cwd, env: { ...env, API_TOKEN: SECRET } });
    expect(status.stdout).toMatch(/^never built\t-\tctx:/);
  });
});

test("what is attached can be checked without ctxpack", async () => {
  const { cwd, uri } = await project();
  await result(["push", uri, "--to", "oci:p", "--with-inputs"], { cwd });
  const index = JSON.parse(readFileSync(join(cwd, "p/index.json"), "utf8"));
  const read = (digest: string) => readFileSync(join(cwd, "p/blobs/sha256", digest.slice(7)));
  const manifests = index.manifests.map(({ digest }: { digest: string }) =>
    JSON.parse(read(digest).toString()),
  );
  const inputs = manifests.find(
    ({ artifactType }: { artifactType: string }) =>
      artifactType === "application/vnd.ctxpack.inputs.v1",
  );
  const { layers } = inputs;
  expect(layers.map((one: { annotations: object }) => Object.values(one.annotations)[0])).toEqual([
    "input-docs.sha256",
    "code-0.sha256",
  ]);
  const id = JSON.parse(await result(["id", "contract.yaml", "--explain", "--json"], { cwd }));
  expect(layers[0].digest.slice(7)).toBe(id.resolved.inputs[0].digest.slice("dirHash1:".length));
  const [first] = read(layers[0].digest).toString().split("\n");
  expect(first).toBe(`${digestOf(Buffer.from("document 0")).slice(7)}  sub/0.md`);
});

test("status: a table with reasons; --quiet is silent and 3 when something is stale", async () => {
  const { cwd } = await project();
  const env = { API_TOKEN: SECRET };
  mkdirSync(join(cwd, "more"));
  writeFileSync(join(cwd, "more/other.contract.json"), '{"transforms":[{"tool":"other"}]}');
  const fresh = await run(["status", "contract.yaml", "--quiet"], { cwd, env });
  expect([fresh.code, fresh.stdout, fresh.stderr]).toEqual([0, "", ""]);
  change(cwd);
  const all = await run(["status"], { cwd, env });
  expect(all.code).toBe(0);
  expect(all.stdout.trimEnd().split("\n")).toEqual([
    "STATE        PANTRY  CONTRACT",
    "stale        -       contract.yaml",
    "    3 files of docs differ (1 changed, 1 new, 1 gone): sub/3.md, sub/new.md, sub/7.md; " +
      "1 file of the code changed: src/embed.py; chunk_size 512 → 256 (transforms[0].params.chunk_size)",
    "never built  -       more/other.contract.json",
  ]);
  const quiet = await run(["status", "-q"], { cwd, env });
  expect([quiet.code, quiet.stdout, quiet.stderr]).toEqual([3, "", ""]);
  writeFileSync(join(cwd, "more/other.contract.json"), "{}");
  const broken = await run(["status", "--plain"], { cwd, env });
  expect(broken.code).toBe(2);
  expect(broken.stdout).toMatch(/^unknown\t\?\t\tmore\/other\.contract\.json\t.+$/m);
  expect((await run(["status", "-q"], { cwd, env })).code).toBe(2);
});

test("of a variable neither the value nor its digest is in any output", async () => {
  const { cwd, uri } = await project();
  await result(["push", uri, "--to", "oci:p", "--with-inputs"], { cwd });
  change(cwd);
  const outputs: Done[] = [];
  for (const args of [
    ["why"],
    ["status"],
    ["diff", uri, "contract.yaml"],
    ["why", "--from", "oci:p"],
  ]) {
    // The contract itself has digests of variables, and `diff --json` gives its members as they are.
    const ways =
      args[0] === "diff" ? [[], ["--verbose"]] : [[], ["--plain"], ["--json"], ["--verbose"]];
    for (const value of [OTHER, undefined]) {
      const env = value === undefined ? {} : { API_TOKEN: value };
      for (const way of ways) outputs.push(await run([...args, ...way], { cwd, env }));
    }
  }
  for (const { stdout, stderr } of outputs) {
    expect(stdout).toContain("chunk_size");
    for (const secret of [SECRET, OTHER]) {
      const digest = digestOf(Buffer.from(secret)).slice("sha256:".length);
      expect(stdout + stderr).not.toContain(secret);
      for (const part of [digest, digest.slice(0, 12)]) expect(stdout + stderr).not.toContain(part);
    }
  }
  // A whole transform that has come or gone names its variables only.
  writeFileSync(
    join(cwd, "two.json"),
    '{"transforms":[{"tool":"t"},{"tool":"u","env":["API_TOKEN"]}]}',
  );
  writeFileSync(join(cwd, "one.json"), '{"transforms":[{"tool":"t"}]}');
  const env = { API_TOKEN: SECRET };
  expect(await result(["diff", "one.json", "two.json"], { cwd, env })).toBe(
    '+ /transforms/1  {"env":["API_TOKEN"],"tool":"u"}',
  );
});

test("eight processes ask at once, with the table lost: each gets the answer", async () => {
  const { cwd } = await project();
  change(cwd);
  rmSync(join(cwd, "store/known-contracts"));
  const env = { API_TOKEN: OTHER };
  const all = await Promise.all(Array.from({ length: 8 }, () => run(["why"], { cwd, env })));
  for (const { code, stdout } of all) {
    expect(code).toBe(3);
    expect(stdout.trimEnd().split("\n").slice(2)).toEqual(told);
  }
  const fsck = JSON.parse(await result(["fsck", "--deep", "--json"], { cwd }));
  expect(fsck.damages).toEqual([]);
});
