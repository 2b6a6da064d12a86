// Proof envelopes from the command line, and what each failure exits with.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { generateKey, writeKeyFiles } from "@ctxpack/proof";
import { identityToken, startSigstore, TEST_IDENTITY, TEST_ISSUER } from "@ctxpack/test-tools";
import { beforeEach, describe, expect, test } from "vitest";
import { cleanUp, type Done, run, scratch } from "./run.ts";

cleanUp();

let cwd: string;
beforeEach(() => {
  cwd = scratch();
  file("report.txt", "the title\nthe price is 12\n");
  file("runtime.json", '{"model":"m","parameters":{"temperature":0}}');
});

function file(name: string, text: string): void {
  writeFileSync(join(cwd, name), text);
}

const proof = async (...args: string[]): Promise<Done> => await run(["proof", ...args], { cwd });

async function made(...names: string[]): Promise<string[]> {
  for (const name of names) file(name, name);
  const { stdout } = await proof("create", ...names, "--runtime", "runtime.json");
  return stdout.trimEnd().split("\n");
}

async function key(name = "ci", passphrase?: string): Promise<void> {
  const pair = await generateKey(passphrase === undefined ? {} : { passphrase });
  await writeKeyFiles(join(cwd, `${name}.pem`), pair);
}

test("create, sign, verify: the artifact, its evidence, and who says so", async () => {
  file(
    "evidence.json",
    JSON.stringify([
      { type: "file", path: "report.txt", lines: { start: 2, end: 2 }, quote: "price is 12" },
    ]),
  );
  file("context.json", '{"question":"how much?"}');
  const created = await proof(
    ...["create", "report.txt", "--mime", "text/plain", "--runtime", "runtime.json"],
    ...["--evidence", "evidence.json", "--context", "context.json", "--bundle", "runtime.json"],
    ...["--agent", "analyst", "--role", "writer", "--run", "r1"],
  );
  expect(created).toMatchObject({ code: 0, stdout: "report.txt.proof.json\n", stderr: "" });
  const envelope = readFileSync(join(cwd, "report.txt.proof.json"), "utf8");
  expect(JSON.parse(envelope)).toMatchObject({
    actor: { agent: "analyst", role: "writer", runId: "r1" },
    artifact: { uri: "report.txt", mime: "text/plain" },
    bundle: { files: [{ uri: "runtime.json" }] },
    context: { public: { question: "how much?" } },
    evidence: [{ quote: "price is 12" }],
  });
  expect(envelope).not.toContain(cwd);
  await key();
  const signed = await proof("sign", "report.txt.proof.json", "--key", "ci.pem");
  expect(signed).toMatchObject({ code: 0, stdout: "report.txt.proof.sigstore.json\n", stderr: "" });
  const verified = await proof("verify", "report.txt.proof.json", "--key", "ci.pub");
  expect(verified.code).toBe(0);
  expect(verified.stdout).toMatch(/^PASS report.txt.proof.json\n {2}signed by ci \(SHA256:.*\)\n$/);
  expect(verified.stderr).toBe("");
  const unsigned = await proof("verify", "--all");
  expect(unsigned).toMatchObject({
    code: 0,
    stdout: "PASS report.txt.proof.json\n",
    stderr: "who made this was not checked\n",
  });
});

test("over folders, in order, with the exit code of the gravest whatever the concurrency", async () => {
  mkdirSync(join(cwd, "sub"));
  mkdirSync(join(cwd, "node_modules"));
  expect(await made("a", "b", "c", "sub/d")).toHaveLength(4);
  file("node_modules/x.proof.json", "{}");
  await key();
  await proof("sign", "a.proof.json", "b.proof.json", "--key", "ci.pem");
  file("b", "changed");
  rmSync(join(cwd, "sub/d"));
  const outputs = new Set<string>();
  for (const concurrency of ["1", "2", "64"]) {
    const flags = ["--plain", "--key", "ci.pub", "-j", concurrency];
    const { code, stdout } = await proof("verify", "--all", ...flags);
    expect(code).toBe(5);
    outputs.add(stdout);
  }
  expect(outputs.size).toBe(1);
  const [first = ""] = outputs;
  const rows = first.trimEnd().split("\n");
  expect(rows.map((row) => row.split("\t").slice(0, 3).join(" "))).toEqual([
    "PASS a.proof.json",
    "FAIL b.proof.json artifact-hash-mismatch",
    "FAIL c.proof.json signature-missing",
    "FAIL sub/d.proof.json artifact-read-error",
    "FAIL sub/d.proof.json signature-missing",
  ]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
  expect(first).not.toMatch(/\u001b|[^\u0000-\u007f]/);
  file("b", "b");
  expect((await proof("verify", "--all", "--key", "ci.pub")).code).toBe(6);
  expect((await proof("verify", "sub")).code).toBe(3);
});

test("a path that is not there takes no report and no graver code from the others", async () => {
  await made("a", "b");
  file("a", "changed");
  for (const concurrency of ["1", "4"]) {
    const paths = ["a.proof.json", "missing.proof.json", "b.proof.json"];
    const done = await proof("verify", ...paths, "--plain", "-j", concurrency);
    const rows = done.stdout.trimEnd().split("\n");
    expect(rows.map((row) => row.split("\t").slice(0, 3).join(" "))).toEqual([
      "FAIL a.proof.json artifact-hash-mismatch",
      "FAIL missing.proof.json CTXPACK_E_PATH_NOT_FOUND",
      "PASS b.proof.json",
    ]);
    expect(done.code).toBe(5);
  }
  expect((await proof("verify", "b.proof.json", "missing.proof.json")).code).toBe(2);
});

test("what only looks like a secret may be allowed", async () => {
  file("context.json", '{"password":"is not one"}');
  const create = ["create", "report.txt", "--runtime", "runtime.json", "--context", "context.json"];
  expect((await proof(...create)).code).toBe(2);
  const { code } = await proof(...create, "--allow-secret", "/context/public/password");
  expect(code).toBe(0);
});

test.skipIf(availableParallelism() < 2)(
  "large files are hashed in a thread, of the program as it is published",
  async () => {
    for (const name of ["a", "b"]) {
      file(name, "");
      truncateSync(join(cwd, name), 200 << 20);
    }
    // Says when a thread begins to work: that it ends by itself or never starts must not be seen as one.
    file(
      "preload.cjs",
      `const threads = require("node:worker_threads");
     threads.Worker = class extends threads.Worker {
       constructor(...args) {
         super(...args);
         this.once("message", () => process.stderr.write("a thread works\\n"));
       }
     };`,
    );
    const env = { NODE_OPTIONS: `--require=${join(cwd, "preload.cjs")}` };
    const create = ["proof", "create", "a", "--runtime", "runtime.json", "--bundle", "b"];
    const done = await run(create, { cwd, env });
    expect(done).toMatchObject({ code: 0, stdout: "a.proof.json\n", stderr: "a thread works\n" });
    const { artifact, bundle } = JSON.parse(readFileSync(join(cwd, "a.proof.json"), "utf8"));
    expect(bundle.files[0].sha256).toBe(artifact.contentHash.hex);
  },
);

test("nothing to check is exit code 3, never 0", async () => {
  for (const args of [["verify"], ["verify", "--all"], ["sign", "--all", "--key", "ci.pem"]]) {
    if (args[0] === "sign") await key();
    const done = await proof(...args);
    expect(done.code).toBe(3);
    expect(done.stderr).toContain("there is no proof to look at");
  }
});

describe("signing", () => {
  test("asks for a passphrase in the environment, and does not put one signature over another", async () => {
    await made("a");
    await key("locked", "open sesame");
    const sign = ["proof", "sign", "a.proof.json", "--key", "locked.pem"];
    expect((await run(sign, { cwd })).code).toBe(2);
    const env = { CTXPACK_KEY_PASSPHRASE: "open sesame" };
    expect((await run(sign, { cwd, env })).code).toBe(0);
    const again = await run(sign, { cwd, env });
    expect(again.code).toBe(2);
    expect(again.stdout).toContain("is there already");
    expect((await run([...sign, "--force"], { cwd, env })).code).toBe(0);
    expect((await proof("verify", "a.proof.json", "--key", "locked.pub")).code).toBe(0);
  });

  test("does not sign what is not so", async () => {
    await made("a");
    await key();
    file("a", "changed");
    const { code } = await proof("sign", "a.proof.json", "--key", "ci.pem");
    expect(code).toBe(5);
  });

  test("of somebody else, or of another envelope, is exit code 6", async () => {
    await made("a");
    await key();
    await key("stranger");
    await proof("sign", "a.proof.json", "--key", "stranger.pem");
    expect((await proof("verify", "a.proof.json", "--key", "ci.pub")).code).toBe(6);
    await proof("sign", "a.proof.json", "--key", "ci.pem", "--force");
    expect((await proof("verify", "a.proof.json", "--key", "ci.pub")).code).toBe(0);
    await made("a");
    expect((await proof("verify", "a.proof.json", "--key", "ci.pub")).code).toBe(6);
  });
});

test("keyless: a certificate counts for whose it is, and for no one else", async () => {
  await using sigstore = await startSigstore();
  await made("a");
  file("signing_config.json", sigstore.signingConfig);
  file("trusted_root.json", sigstore.trustedRoot);
  const env = { SIGSTORE_ID_TOKEN: identityToken() };
  const sign = ["proof", "sign", "a.proof.json", "--keyless"];
  const signed = await run([...sign, "--signing-config", "signing_config.json"], { cwd, env });
  expect(signed).toMatchObject({ code: 0, stdout: "a.proof.sigstore.json\n", stderr: "" });
  const verify = ["verify", "a.proof.json", "--trusted-root", "trusted_root.json", "--offline"];
  const verified = await proof(...verify, "--identity", TEST_IDENTITY, "--issuer", TEST_ISSUER);
  expect(verified.code).toBe(0);
  expect(verified.stdout).toContain(`signed by ${TEST_IDENTITY} (${TEST_ISSUER})`);
  for (const [identity, issuer] of [
    [`${TEST_IDENTITY}x`, TEST_ISSUER],
    [TEST_IDENTITY, "https://example.com"],
  ] as const) {
    const done = await proof(...verify, "--identity", identity, "--issuer", issuer);
    expect(done.code).toBe(6);
    expect(done.stdout).toContain("is not who was asked for");
  }
  expect((await proof("sign", "a.proof.json", "--keyless", "--force")).code).toBe(4);
});

test("the trust root is that of the workspace, and asked for as the configuration says", async () => {
  await made("a");
  await using proxy = await refusingProxy();
  const env = { HTTPS_PROXY: proxy.url };
  const verify = ["proof", "verify", "a.proof.json", "--identity", "x", "--issuer", "https://y"];
  file("ctxpack.config.json", '{"offline": true}');
  const offline = await run([...verify, "--json"], { cwd, env });
  expect(offline.code).toBe(6);
  const { error } = JSON.parse(offline.stdout);
  expect(error).toMatchObject({ code: "CTXPACK_E_PROOF_TRUST_ROOT" });
  expect(error.details.folder).toContain(join(cwd, ".ctxpack", "trust"));
  expect(proxy.asked()).toBe(0);
  const asking = { ...env, CTXPACK_OFFLINE: "0" };
  expect((await run([...verify, "--timeout", "20s"], { cwd, env: asking })).code).toBe(7);
  expect(proxy.asked()).toBeGreaterThan(0);
  const unclear = await run(verify, { cwd, env: { CTXPACK_OFFLINE: "maybe" } });
  expect(unclear.code).toBe(2);
});

/** Counts who wants to go out, and lets nobody. */
async function refusingProxy(): Promise<{ url: string; asked(): number } & AsyncDisposable> {
  let asked = 0;
  const server = createServer();
  server.on("connect", (_, socket) => {
    asked++;
    socket.end("HTTP/1.1 502 no\r\n\r\n");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked: () => asked,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

test("a stage of a run manifest", async () => {
  mkdirSync(join(cwd, "run"));
  const body = "what the page said";
  const hex = createHash("sha256").update(body).digest("hex");
  const snapshot = { bodySha256: hex, retrievedAt: "2026-11-20T10:00:00Z" };
  const evidence = [
    { type: "file", path: "../report.txt", sha256: sha256("the title\nthe price is 12\n") },
    { type: "url", href: "https://example.com/", snapshot },
  ];
  const manifest = { manifestId: "m", runId: "r", stages: [{ key: "review", evidence }] };
  file("run/manifest.json", JSON.stringify(manifest));
  const create = ["create", "run/manifest.json", "--runtime", "runtime.json", "--stage"];
  const created = await proof(...create, "review");
  expect(created).toMatchObject({ code: 0, stdout: "run/manifest.review.proof.json\n" });
  const elsewhere = await proof(...create, "review", "--out", "review.proof.json");
  expect(elsewhere.code).toBe(0);
  mkdirSync(join(cwd, "pages"));
  file(`pages/${hex}`, body);
  for (const path of ["run/manifest.review.proof.json", "review.proof.json"]) {
    const verified = await proof("verify", path, "--snapshots", "pages");
    expect(verified).toMatchObject({ code: 0, stdout: `PASS ${path}\n` });
  }
  file(`pages/${hex}`, "something else");
  expect((await proof("verify", "run", "--snapshots", "pages")).code).toBe(5);
  expect((await proof(...create, "other")).code).toBe(3);
});

test.each([
  ["without a runtime", ["create", "report.txt"], 2, "--runtime is missing"],
  [
    "of a file that is not there",
    ["create", "none", "--runtime", "runtime.json"],
    2,
    "does not exist",
  ],
  [
    "with --out for two",
    ["create", "a", "b", "--out", "c", "--runtime", "runtime.json"],
    2,
    "--out is for one",
  ],
  [
    "with a runtime that is none",
    ["create", "report.txt", "--runtime", "empty.json"],
    2,
    "empty.json",
  ],
  [
    "with a runtime that is not there",
    ["create", "report.txt", "--runtime", "none.json"],
    2,
    "none.json does not exist",
  ],
  [
    "with a runtime that is no JSON",
    ["create", "report.txt", "--runtime", "report.txt"],
    2,
    "not JSON",
  ],
  [
    "with evidence that is none",
    ["create", "report.txt", "--runtime", "runtime.json", "--evidence", "bad.json"],
    2,
    "bad.json, /0",
  ],
  [
    "with a quote that stands nowhere",
    ["create", "report.txt", "--runtime", "runtime.json", "--evidence", "lie.json"],
    5,
    "does not stand",
  ],
  [
    "with a secret",
    ["create", "report.txt", "--runtime", "runtime.json", "--context", "secret.json"],
    2,
    "/context/public/password",
  ],
  ["with nothing to sign with", ["sign", "a.proof.json"], 2, "what to sign with is not said"],
  [
    "with a trust root and nobody",
    ["verify", "--trusted-root", "x.json"],
    2,
    "whose certificate counts",
  ],
  ["with a key that is none", ["verify", "--key", "runtime.json"], 2, "runtime.json"],
  ["with a concurrency that is none", ["verify", "--all", "-j", "0"], 2, "--concurrency"],
  ["of a file that is no envelope", ["verify", "runtime.json"], 6, "runtime.json"],
])("a proof %s says what is wrong", async (_, args, code, message) => {
  file("empty.json", "{}");
  file("bad.json", '[{"type":"file"}]');
  file("lie.json", '[{"type":"file","path":"report.txt","quote":"the price is 13"}]');
  file("secret.json", '{"password":"hunter2"}');
  const done = await proof(...args);
  expect(done.code).toBe(code);
  expect(done.stdout + done.stderr).toContain(message);
  expect(done.stdout + done.stderr).not.toContain("hunter2");
});

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
