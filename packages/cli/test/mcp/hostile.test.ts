// An agent that was talked into something: what it may name stays inside the roots, and answers stay small.
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, scratch } from "../run.ts";
import { connect } from "./client.ts";

cleanUp();

interface Place {
  readonly cwd: string;
  readonly outside: string;
  readonly uri: string;
}

/** A root with a pack in its store, and a folder outside that holds what nobody may learn of. */
async function place(): Promise<Place> {
  const base = scratch();
  const cwd = join(base, "root");
  const outside = join(base, "root-of-others");
  mkdirSync(join(cwd, "out"), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, "secret.json"), '{"transforms":[{"tool":"secret"}]}');
  writeFileSync(join(cwd, "out/a"), "a");
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"t"}]}');
  symlinkSync(outside, join(cwd, "link"));
  symlinkSync(join(outside, "later"), join(cwd, "dangling"));
  symlinkSync(join(outside, "secret.json"), join(cwd, "link.json"));
  return { cwd, outside, uri: await result(["seed", "out", "--contract", "c.json"], { cwd }) };
}

test("paths that lead out are refused, the same whether something is there or not", async () => {
  const { cwd, outside } = await place();
  const { call } = await connect({ cwd, flags: ["--allow-write"] });
  const paths = [
    join(outside, "secret.json"),
    join(outside, "nothing.json"),
    "../root-of-others/secret.json",
    "../root-of-others/nothing.json",
    "link/secret.json",
    "link/nothing/deep.json",
    "link.json",
    "out/../../root-of-others/secret.json",
    "dangling",
    "dangling/x.json",
    "/proc/self/environ",
    "c.json/../../x.json",
    "c.json\0.json",
  ];
  for (const contract of paths) {
    const { isError, value } = await call("ctx_lookup", { contract });
    expect(isError).toBe(true);
    expect(value["error"]).toMatchObject({
      code: "CTXPACK_E_PERMISSION",
      message: `${JSON.stringify(contract)} is outside of what this server was given`,
      hint: expect.stringContaining("--root"),
    });
  }
});

test("so are those that contracts name", async () => {
  const { cwd, outside } = await place();
  const transforms = [{ tool: "t" }];
  writeFileSync(
    join(cwd, "far.json"),
    JSON.stringify({ inputs: [{ name: "i", path: "../root-of-others" }], transforms }),
  );
  const { call } = await connect({ cwd, flags: ["--allow-write"] });
  const contracts = [
    "far.json",
    { inputs: [{ name: "i", path: outside }], transforms },
    { inputs: [{ name: "i", path: "link" }], transforms },
    { outputs: [{ path: "../root-of-others/made" }], transforms },
  ];
  for (const contract of contracts) {
    for (const tool of ["ctx_lookup", "ctx_why"]) {
      const { value, text } = await call(tool, { contract });
      expect(value["error"]?.code, `${tool} ${JSON.stringify(contract)}`).toBe(
        "CTXPACK_E_PERMISSION",
      );
      expect(text).not.toContain("secret.json");
    }
    const seeded = (await call("ctx_seed", { folder: "out", contract })).value;
    expect(seeded["error"].code).toBe("CTXPACK_E_PERMISSION");
  }
  // Links below an input, and code, are the walk's to refuse.
  mkdirSync(join(cwd, "in"));
  symlinkSync(outside, join(cwd, "in/away"));
  const below = { inputs: [{ name: "i", path: "in" }], transforms };
  expect((await call("ctx_lookup", { contract: below })).value["error"].code).toBe(
    "CTXPACK_E_TREE",
  );
  const code = { transforms: [{ tool: "t", code: ["link/**"] }] };
  const byCode = await call("ctx_lookup", { contract: code });
  expect(byCode.isError).toBe(true);
  expect(byCode.text).not.toContain("secret.json");
});

test("nothing is written outside", async () => {
  const { cwd, outside, uri } = await place();
  const { call } = await connect({ cwd, flags: ["--allow-write"] });
  const before = readdirSync(outside);
  for (const to of [join(outside, "x"), "link/x", "dangling", "../x", "link"]) {
    expect((await call("ctx_pull", { uri, to })).value["error"].code).toBe("CTXPACK_E_PERMISSION");
  }
  mkdirSync(join(cwd, "trap"));
  symlinkSync(outside, join(cwd, "trap/blobs"));
  for (const to of [`oci:${outside}`, "oci:link/p", "oci:trap", "oci:../p", "oci:dangling"]) {
    expect((await call("ctx_push", { uri, to })).value["error"].code).toBe("CTXPACK_E_PERMISSION");
  }
  expect(readdirSync(outside)).toEqual(before);
  expect(existsSync(join(cwd, "../x"))).toBe(false);
  expect((await call("ctx_seed", { folder: "link", contract: "c.json" })).isError).toBe(true);
  // What has files already is nobody's to write over.
  expect((await call("ctx_pull", { uri, to: "out" })).isError).toBe(true);
  expect(readdirSync(join(cwd, "out"))).toEqual(["a"]);
});

test("a tag hides no way out of the roots", async () => {
  const { cwd, outside, uri } = await place();
  await result(["push", uri, "--to", `oci:${outside}/pantry`], { cwd });
  await result(["push", uri, "--to", "oci:inside"], { cwd });
  mkdirSync(join(cwd, "colon:tag"));
  symlinkSync(join(cwd, "colon:tag"), join(cwd, "to-colon"));
  symlinkSync(join(outside, "pantry"), join(cwd, "away"));
  const { call } = await connect({ cwd, flags: ["--allow-write"] });
  const error = async (name: string, args: object) => (await call(name, args)).value["error"];
  const archive = join(outside, "secret.json");
  for (const pantry of [
    "oci:..:x",
    "oci:link:x",
    "oci:away:x",
    `oci:${outside}:x`,
    "oci-archive:link:x",
    "oci-archive:link.json:x",
    `oci-archive:${archive}:x`,
    "oci:inside:x",
    "oci:to-colon",
  ]) {
    for (const [name, args] of [
      ["ctx_search", { from: pantry }],
      ["ctx_inspect", { uri, from: pantry }],
      ["ctx_files", { uri, from: pantry }],
      ["ctx_read", { uri, path: "a", from: pantry }],
      ["ctx_pull", { uri, from: pantry }],
      ["ctx_push", { uri, to: pantry }],
    ] as const) {
      expect(await error(name, args), `${name} ${pantry}`).toMatchObject({
        code: "CTXPACK_E_USAGE",
        message: expect.stringMatching(/^".*": a pantry has no tag/),
      });
    }
  }
  for (const pantry of ["oci:", "oci-archive:", "oci::x"]) {
    expect((await error("ctx_search", { from: pantry })).code).toBe("CTXPACK_E_REFERENCE");
  }
  expect((await call("ctx_inspect", { uri, from: "oci:inside" })).isError).toBe(false);
  expect(readdirSync(outside).sort()).toEqual(["pantry", "secret.json"]);
});

test("without --allow-write nothing is written at all", async () => {
  const { cwd, uri } = await place();
  const { client, call } = await connect({ cwd });
  const refused = (await call("ctx_pull", { uri, to: "got" })).value["error"];
  expect(refused).toMatchObject({
    code: "CTXPACK_E_PERMISSION",
    hint: expect.stringContaining("--allow-write"),
  });
  expect(existsSync(join(cwd, "got"))).toBe(false);
  for (const name of ["ctx_seed", "ctx_push"]) {
    await expect(client.callTool({ name, arguments: {} })).rejects.toThrow(/not found|unknown/i);
  }
});

test("what a repository brings along becomes no hit of the user's next run", async () => {
  const { cwd, outside, uri } = await place();
  await result(["push", uri, "--to", "oci:cloned"], { cwd });
  await result(["push", uri, "--to", `oci:${outside}/team`], { cwd });
  const nowhere = { CTXPACK_CACHE_DIR: join(cwd, "store-b") };
  const reading = await connect({ cwd, env: nowhere });
  const pull = { uri, from: "oci:cloned" };
  // To read one file of a small pack is to fetch all of it.
  for (const [name, args] of [
    ["ctx_pull", pull],
    ["ctx_read", { ...pull, path: "a" }],
  ] as const) {
    expect((await reading.call(name, args)).value["error"], name).toMatchObject({
      code: "CTXPACK_E_PERMISSION",
      hint: expect.stringContaining("--allow-write"),
    });
  }
  for (const name of ["ctx_inspect", "ctx_files"]) {
    expect((await reading.call(name, pull)).isError, name).toBe(false);
  }
  const looked = await reading.call("ctx_lookup", { contract: "c.json" });
  expect(looked.value).toMatchObject({ hit: false });

  const publicKey = generateKeyPairSync("ed25519").publicKey.export({
    type: "spki",
    format: "pem",
  });
  const rules = [{ require: [{ signers: ["team"] }] }];
  const policy = { schema: "ctxpack.policy/v1", signers: { team: { publicKey } }, rules };
  writeFileSync(join(cwd, "policy.json"), JSON.stringify(policy));
  const judging = await connect({ cwd, env: nowhere, flags: ["--policy", "policy.json"] });
  expect((await judging.call("ctx_pull", pull)).value["error"].code).toMatch(/^CTXPACK_E_PROOF_/);

  // Nor by a configuration of its own: what that names is no word of the user.
  const pantries = [{ name: "team", address: "oci:../root-of-others/team" }];
  writeFileSync(join(cwd, "ctxpack.config.json"), JSON.stringify({ pantries }));
  mkdirSync(join(cwd, "deep"));
  const deep = (store: string) =>
    connect({
      ...{ cwd: join(cwd, "deep"), env: { HOME: cwd, CTXPACK_CACHE_DIR: join(cwd, store) } },
      flags: ["--root", cwd],
    });
  for (const from of [undefined, "team", "oci:../root-of-others/team"]) {
    const { call } = await deep("store-c");
    expect((await call("ctx_pull", { uri, from })).value["error"], from).toMatchObject({
      code: "CTXPACK_E_PERMISSION",
      message: expect.stringContaining("oci:../root-of-others/team"),
    });
    const missed = await call("ctx_lookup", { contract: join(cwd, "c.json") });
    expect(missed.value).toMatchObject({ hit: false });
  }
  // What is in the store already is read from there.
  const { call } = await connect({ cwd, env: { HOME: cwd } });
  expect((await call("ctx_pull", { uri })).value).toMatchObject({ uri });

  await result(["remote", "add", "own", `oci:${outside}/team`], { cwd });
  for (const from of [undefined, "team", "own", "oci:../root-of-others/team"]) {
    const trusting = await deep(`store-of-${from?.length}`);
    expect((await trusting.call("ctx_pull", { uri, from })).value, from).toMatchObject({
      uri,
      verified: "no policy",
    });
  }
  const writing = await connect({ cwd, env: nowhere, flags: ["--allow-write"] });
  expect((await writing.call("ctx_pull", pull)).value).toMatchObject({ verified: "no policy" });
});

test("no registry is asked that the user has not configured", async () => {
  const { cwd, uri } = await place();
  const { call } = await connect({ cwd, flags: ["--allow-write"] });
  const error = async (name: string, args: object) => (await call(name, args)).value["error"].code;
  expect(await error("ctx_pull", { uri, from: "evil.example/x" })).toBe("CTXPACK_E_PERMISSION");
  expect(await error("ctx_push", { uri, to: "127.0.0.1:1/x" })).toBe("CTXPACK_E_PERMISSION");
  expect(await error("ctx_search", { from: "oci-archive:/etc/passwd" })).toBe(
    "CTXPACK_E_PERMISSION",
  );
  for (const subject of [
    "evil.example/x:latest",
    "oci:link:nightly",
    "c.json",
    "ctx://sha256:",
    "",
  ]) {
    expect(await error("ctx_inspect", { uri: subject })).toBe("CTXPACK_E_REFERENCE");
  }
});

test("arguments that do not fit are refused with what would", async () => {
  const { cwd, uri } = await place();
  const { call } = await connect({ cwd });
  const error = async (name: string, args: object) => (await call(name, args)).value["error"];
  for (const [name, args] of [
    ["ctx_lookup", {}],
    ["ctx_lookup", { contract: 7 }],
    ["ctx_lookup", { contract: "c.json", extra: 1 }],
    ["ctx_read", { uri, path: "a", offset: -1 }],
    ["ctx_read", { uri, path: "a", length: 1e9 }],
    ["ctx_files", { uri, limit: 1.5 }],
    ["ctx_search", { name: "" }],
    ["ctx_pull", { uri, only: [] }],
  ] as const) {
    expect(await error(name, args), name).toMatchObject({
      code: "CTXPACK_E_USAGE",
      hint: expect.stringMatching(/^it takes /),
    });
  }
  expect((await error("ctx_read", { uri, path: "../../../etc/passwd" })).code).toBe(
    "CTXPACK_E_PATH_NOT_FOUND",
  );
  let deep: object = {};
  for (let i = 0; i < 2000; i++) deep = { deep };
  const contract = { transforms: [{ tool: "t", params: deep }] };
  expect((await error("ctx_lookup", { contract })).code).toBe("CTXPACK_E_CONTRACT");
});

test("answers are bounded, however much there is to tell", async () => {
  const { cwd } = await place();
  const params = Object.fromEntries(
    Array.from({ length: 3000 }, (_, i) => [`p${i}`, "x".repeat(200)]),
  );
  writeFileSync(join(cwd, "big.json"), JSON.stringify({ transforms: [{ tool: "t", params }] }));
  for (let i = 0; i < 300; i++) {
    writeFileSync(join(cwd, "out", `${i}-${'"'.repeat(240)}`), "");
  }
  writeFileSync(join(cwd, "out/control"), "\u0001".repeat(40_000));
  const uri = await result(["seed", "out", "--contract", "big.json"], { cwd });
  const { call } = await connect({ cwd });
  for (const [name, args] of [
    ["ctx_inspect", { uri }],
    ["ctx_files", { uri, limit: 200 }],
    ["ctx_read", { uri, path: "control", length: 32_768 }],
    ["ctx_why", { contract: { transforms: [{ tool: "t", params: { p1: 1 } }] } }],
  ] as const) {
    const { text, isError } = await call(name, args);
    expect(isError).toBe(false);
    expect(Buffer.byteLength(text), name).toBeLessThanOrEqual(48 * 1024);
  }
  expect((await call("ctx_inspect", { uri })).value).toMatchObject({ cut: true, uri });

  const listed: unknown[] = [];
  for (let args: object | undefined = { uri, limit: 200 }; args !== undefined; ) {
    const { cut, files, next }: Record<string, unknown> = (await call("ctx_files", args)).value;
    expect(cut).toBeUndefined();
    listed.push(...(files as { path?: string }[]).map(({ path }) => path));
    args = next === undefined ? undefined : { uri, limit: 200, after: next };
  }
  expect(listed).toEqual(readdirSync(join(cwd, "out")).sort());
});
