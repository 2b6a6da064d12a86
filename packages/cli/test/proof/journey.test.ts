// Who is believed (DESIGN §8), as a team lives it: one signs and pushes, others pull, run and map under a policy.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingProgram, startDockerRegistry } from "@ctxpack/test-tools";
import { describe, expect, onTestFinished, test } from "vitest";
import { cleanUp, result, run, scratch } from "../run.ts";

cleanUp();

interface Team {
  readonly cwd: string;
  readonly uri: string;
  /** Another machine, which believes nobody but the team's key. */
  readonly other: Record<string, string>;
}

/** A folder with the command's contract, two keys, and a policy that believes the team's. */
async function team(pantry: string): Promise<Team> {
  const cwd = scratch();
  writeFileSync(
    join(cwd, "c.json"),
    JSON.stringify({
      command: ["sh", "-c", 'echo result > "$0"; echo ran >> ran', "{out}"],
      transforms: [{ tool: "ocr", tool_version: "1" }],
      outputs: [{ path: "out.txt" }],
    }),
  );
  await result(["keygen", "--out", "team.pem"], { cwd });
  await result(["keygen", "--out", "stranger.pem", "--algorithm", "ed25519"], { cwd });
  policy(cwd, "policy.json", "team");
  policy(cwd, "strangers.json", "stranger");
  const uri = await result(["run", "--contract", "c.json"], { cwd });
  const other = { CTXPACK_CACHE_DIR: join(cwd, "other"), CTXPACK_REGISTRY: pantry };
  return { cwd, uri, other };
}

function policy(cwd: string, file: string, signer: string, more: object = {}): void {
  const publicKey = readFileSync(join(cwd, `${signer}.pub`), "utf8");
  const rules = [{ require: [{ signers: [signer], ...more }] }];
  const value = { schema: "ctxpack.policy/v1", signers: { [signer]: { publicKey } }, rules };
  writeFileSync(join(cwd, file), JSON.stringify(value));
}

/** Nothing of a refused pack is to be seen. */
function isEmpty(cwd: string): boolean {
  const packs = join(cwd, "other/packs");
  return !existsSync(packs) || readdirSync(packs, { recursive: true }).length === 0;
}

async function refused(args: string[], { cwd, other }: Team, code: string): Promise<string> {
  const done = await run([...args, "--json"], { cwd, env: other });
  const { error } = JSON.parse(done.stdout || "{}");
  expect({ exit: done.code, code: error?.code }, done.stderr).toEqual({ exit: 6, code });
  return error.message;
}

function journey(pantryOf: (cwd?: string) => Promise<string>): void {
  test("signed, pushed, pulled, run elsewhere; a stranger's signature counts for nothing", async () => {
    const pantry = await pantryOf();
    const one = await team(pantry);
    const { cwd, uri, other } = one;
    expect(statSync(join(cwd, "team.pem")).mode & 0o077).toBe(0);
    await result(["push", uri, "--to", pantry], { cwd });
    expect(
      await refused(["pull", uri, "--policy", "policy.json"], one, "CTXPACK_E_PROOF_MISSING"),
    ).toMatch(/no proof|nobody/i);
    await result(["attest", uri, "--key", "stranger.pem", "--to", pantry], { cwd });
    await refused(["pull", uri, "--policy", "policy.json"], one, "CTXPACK_E_PROOF_KEY");
    await refused(
      ["run", "--contract", "c.json", "--policy", "policy.json"],
      one,
      "CTXPACK_E_PROOF_KEY",
    );
    expect(isEmpty(cwd)).toBe(true);
    await result(["attest", uri, "--key", "team.pem", "--to", pantry], { cwd });
    const hit = await run(["run", "--contract", "c.json", "--policy", "policy.json"], {
      cwd,
      env: other,
    });
    expect(hit).toMatchObject({ code: 0, stdout: `${uri}\n` });
    expect(readFileSync(join(cwd, "ran"), "utf8")).toBe("ran\n");
    await result(["verify", uri, "--key", "team.pub", "--offline"], { cwd, env: other });
    const wrong = await run(["verify", uri, "--policy", "strangers.json", "--offline"], {
      cwd,
      env: other,
    });
    expect(wrong.code).toBe(6);
  });

  test("a hit of the store that another policy has not accepted is none", async () => {
    const pantry = await pantryOf();
    const one = await team(pantry);
    const { cwd, uri, other } = one;
    await result(["push", uri, "--to", pantry, "--attest", "--key", "team.pem"], { cwd });
    await result(["pull", uri, "--policy", "policy.json"], { cwd, env: other });
    await refused(["pull", uri, "--policy", "strangers.json"], one, "CTXPACK_E_PROOF_KEY");
    const offline = { ...other, CTXPACK_REGISTRY: "" };
    const frozen = ["run", "--contract", "c.json", "--frozen", "--policy"];
    expect((await run([...frozen, "policy.json"], { cwd, env: offline })).code).toBe(0);
    expect((await run([...frozen, "strangers.json"], { cwd, env: offline })).code).toBe(3);
    // Policies add up: the configured one is not replaced.
    const both = { ...other, CTXPACK_POLICY: "strangers.json" };
    expect((await run(["pull", uri, "--policy", "policy.json"], { cwd, env: both })).code).toBe(6);
    // Made here: the user's own, whatever the policy.
    expect((await run([...frozen, "strangers.json"], { cwd })).code).toBe(0);
  });

  test("a pinned pack has to stay what it was", async () => {
    const pantry = await pantryOf();
    const { cwd, uri, other } = await team(pantry);
    await result(["push", uri, "--to", pantry, "--attest", "--key", "team.pem"], { cwd });
    await result(["pull", uri, "--policy", "policy.json"], { cwd, env: other });
    const pin = ["verify", uri, "--policy", "policy.json", "--lock", "ctxpack.lock"];
    expect((await run(pin, { cwd, env: other })).code).toBe(6);
    await result([...pin, "--pin"], { cwd, env: other });
    await result(pin, { cwd, env: other });
    const text = readFileSync(join(cwd, "ctxpack.lock"), "utf8");
    writeFileSync(
      join(cwd, "ctxpack.lock"),
      text.replace(/"manifest": "sha256:..../, '"manifest": "sha256:0000'),
    );
    const broken = await run([...pin, "--json"], { cwd, env: other });
    expect(broken.code).toBe(6);
    expect(JSON.parse(broken.stdout).error.code).toBe("CTXPACK_E_PROOF_PIN");
  });

  test("what cannot be accepted is computed with --on-untrusted=miss", async () => {
    const pantry = await pantryOf();
    const { cwd, uri, other } = await team(pantry);
    await result(["push", uri, "--to", pantry], { cwd });
    const args = [
      "run",
      "--contract",
      "c.json",
      "--policy",
      "policy.json",
      "--on-untrusted",
      "miss",
    ];
    const done = await run(args, { cwd, env: other });
    expect(done).toMatchObject({ code: 0, stdout: `${uri}\n` });
    expect(readFileSync(join(cwd, "ran"), "utf8")).toBe("ran\nran\n");
  });
}

describe("a folder as pantry", () => {
  journey(async () => `oci:${join(scratch(), "pantry")}`);

  test("the proof of one pack says nothing of another", async () => {
    const cwd = scratch();
    const pantry = `oci:${join(cwd, "pantry")}`;
    const one = await team(pantry);
    await result(["push", one.uri, "--to", pantry, "--attest", "--key", "team.pem"], {
      cwd: one.cwd,
    });
    // Who may push can put another output under the tag; the proof stays with the old one.
    mkdirSync(join(one.cwd, "fake"));
    writeFileSync(join(one.cwd, "fake/out.txt"), "poison\n");
    const env = { CTXPACK_CACHE_DIR: join(cwd, "evil") };
    await result(["seed", "fake", "--contract", "c.json"], { cwd: one.cwd, env });
    await result(["push", one.uri, "--to", pantry, "--replace"], { cwd: one.cwd, env });
    await refused(["pull", one.uri, "--policy", "policy.json"], one, "CTXPACK_E_PROOF_MISSING");
    expect(isEmpty(one.cwd)).toBe(true);
  });

  test("inspect says who, when and from what", async () => {
    const cwd = scratch();
    const one = await team(`oci:${join(cwd, "pantry")}`);
    const shown = await result(["inspect", one.uri], { cwd: one.cwd });
    expect(shown).toMatch(/made +ctxpack ran the command and saw the inputs.*not signed/);
    await result(["attest", one.uri, "--key", "team.pem"], { cwd: one.cwd });
    expect(await result(["inspect", one.uri], { cwd: one.cwd })).toMatch(
      /signed +with key SHA256:/,
    );
  });
});

describe.skipIf(missingProgram("docker-registry"))("docker-registry", () => {
  journey(async () => {
    const server = await startDockerRegistry();
    onTestFinished(() => server[Symbol.asyncDispose]());
    return `${server.host}/acme/packs`;
  });
});
