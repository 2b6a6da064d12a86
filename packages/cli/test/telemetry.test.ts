// `--metrics`, `--trace-id` and TRACEPARENT: which commands measure what, and of which trace it is.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identityToken, startSigstore } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { packed } from "./proof/published.ts";
import { cleanUp, result, run } from "./run.ts";

cleanUp();

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = { TRACEPARENT: `00-${TRACE}-00f067aa0ba902b7-01` };
const OTHER = "a".repeat(32);

interface Line {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly trace_id: string;
}

function lines(cwd: string): Line[] {
  const text = readFileSync(join(cwd, "m.ndjson"), "utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

test("signing and verifying append what they took, each of its own trace", async () => {
  const { cwd, uri } = await packed();
  const metrics = ["--metrics", "m.ndjson"];
  await result(["attest", uri, "--key", "k.pem", ...metrics, "--trace-id", OTHER], { cwd });
  await result(["verify", uri, "--key", "k.pub", ...metrics], { cwd, env: PARENT });
  const found = lines(cwd).map((one) => [one.name, one.labels, one.trace_id]);
  expect(found).toContainEqual(["proof_artifacts.sign.duration_ms", { phase: "local" }, OTHER]);
  expect(found).toContainEqual(["proof_artifacts.verify.result_count", { code: "ok" }, TRACE]);
});

test("every command that judges a pack under a policy measures it", async () => {
  const { cwd, uri } = await packed();
  await result(["push", uri, "--to", "oci:pantry", "--attest", "--key", "k.pem"], { cwd });
  const publicKey = readFileSync(join(cwd, "k.pub"), "utf8");
  const rules = [{ require: [{ signers: ["me"] }] }];
  const policy = { schema: "ctxpack.policy/v1", signers: { me: { publicKey } }, rules };
  writeFileSync(join(cwd, "policy.json"), JSON.stringify(policy));
  const env = { CTXPACK_POLICY: "policy.json", CTXPACK_CACHE_DIR: join(cwd, "other") };
  for (const [i, command] of [
    ["inspect", uri],
    ["ls", uri],
    ["diff", "c.json", uri],
  ].entries()) {
    const trace = String(i).repeat(32).replaceAll("0", "a");
    const flags = ["--from", "oci:pantry", "--metrics", "m.ndjson", "--trace-id", trace];
    await result([...command, ...flags], { cwd, env });
    const found = lines(cwd).filter((one) => one.trace_id === trace);
    expect(found.map(({ name }) => name)).toContain("proof_artifacts.verify.result_count");
  }
});

test("without a trace from outside each command has one of its own", async () => {
  const { cwd, uri } = await packed();
  for (const env of [{}, { TRACEPARENT: "00-nonsense" }]) {
    await result(["attest", uri, "--key", "k.pem", "--metrics", "m.ndjson"], { cwd, env });
  }
  const traces = new Set(lines(cwd).map((one) => one.trace_id));
  expect(traces.size).toBe(2);
  for (const trace of traces) expect(trace).toMatch(/^[0-9a-f]{32}$/);
});

test("messages carry the trace; stdout does not", async () => {
  const { cwd, uri } = await packed();
  const quiet = await run(["verify", uri, "--key", "k.pub"], { cwd });
  expect(quiet.stderr).not.toContain("trace_id");
  const told = await run(["verify", uri, "--key", "k.pub"], { cwd, env: PARENT });
  expect(told.code).toBe(6);
  for (const line of told.stderr.trimEnd().split("\n")) expect(line).toMatch(/ trace_id=4bf92f/);
  expect(told.stdout).toBe("");
});

test("what is malformed: exit 2 for a flag, whether or not it is needed", async () => {
  const { cwd, uri } = await packed();
  for (const command of [["verify"], ["pull"], ["attest", "--key", "k.pem"]]) {
    for (const flags of [
      ["--trace-id", "1"],
      ["--metrics", "none/m.ndjson"],
      ["--metrics", "."],
    ]) {
      const done = await run([...command, uri, ...flags], { cwd });
      expect({ command, flags, code: done.code }, done.stderr).toEqual({ command, flags, code: 2 });
    }
  }
});

test("keyless: certificate, timestamp and log entry are measured, and the trust root", async () => {
  const { cwd } = await packed();
  await using sigstore = await startSigstore();
  writeFileSync(join(cwd, "signing.json"), sigstore.signingConfig);
  writeFileSync(join(cwd, "a"), "a");
  writeFileSync(join(cwd, "r.json"), '{"model":"m","parameters":{}}');
  const env = { SIGSTORE_ID_TOKEN: identityToken() };
  const metrics = ["--metrics", "m.ndjson", "--trace-id", TRACE];
  await result(["proof", "create", "a", "--runtime", "r.json", ...metrics], { cwd });
  const sign = ["proof", "sign", "a.proof.json", "--keyless", "--signing-config", "signing.json"];
  await result([...sign, ...metrics], { cwd, env });
  const found = lines(cwd);
  expect(new Set(found.map((one) => one.trace_id))).toEqual(new Set([TRACE]));
  expect(found.map((one) => one.name)).toContain("proof_artifacts.hash.bytes");
  const phases = found.flatMap((one) => (one.name.includes(".sign.") ? one.labels["phase"] : []));
  expect(phases).toEqual(expect.arrayContaining(["fulcio", "tsa", "rekor", "local", "total"]));
});
