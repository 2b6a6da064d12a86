import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import { sha256 } from "@ctxpack/identity";
import { scratchFolder, startSigstore } from "@ctxpack/test-tools";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { rootFinding } from "../../src/doctor/trust.ts";
import { signerIn } from "./trusting.ts";

let cwd: string;
beforeEach(() => {
  const scratch = scratchFolder();
  onTestFinished(() => scratch[Symbol.dispose]());
  cwd = scratch.path;
});

async function trustFindings(policy?: string) {
  const env = {
    HOME: cwd,
    CTXPACK_TRUST_DIR: join(cwd, "trust"),
    ...(policy && { CTXPACK_POLICY: policy }),
  };
  await using ctx = await CtxPack.open({ cwd, env, cacheDir: join(cwd, "store") });
  return (await ctx.doctor()).filter(({ area }) => area === "trust");
}

describe("doctor", () => {
  test("without a policy there is nothing to say of trust", async () => {
    expect(await trustFindings()).toEqual([]);
  });

  test("names each policy that is in force, and what is wrong with one", async () => {
    await signerIn(cwd, "team");
    const subject = join(cwd, "team.json");
    expect(await trustFindings("team.json")).toEqual([
      { area: "trust", subject, state: "ok", message: "in force" },
    ]);
    writeFileSync(subject, readFileSync(subject, "utf8").replace("rules", "rulez"));
    expect(await trustFindings("team.json")).toMatchObject([
      { subject, state: "problem", code: "CTXPACK_E_CONFIG" },
    ]);
  });

  test("asks no repository for the trust roots that are named", async () => {
    await using sigstore = await startSigstore();
    const root = Buffer.from(sigstore.tufRoot);
    writeFileSync(join(cwd, "root.json"), root);
    const mirror = sigstore.urls.tuf;
    const signer = { identity: "a@example.com", issuer: "https://example.com", trustRoot: "own" };
    const policy = {
      schema: "ctxpack.policy/v1",
      trustRoots: { own: { tuf: mirror, root: "root.json", sha256: sha256(root).slice(7) } },
      signers: { ci: signer },
      rules: [{ require: [{ signers: ["ci"] }] }],
    };
    writeFileSync(join(cwd, "p.json"), JSON.stringify(policy));
    expect(await trustFindings("p.json")).toMatchObject([
      { state: "ok", message: "in force" },
      {
        subject: expect.stringContaining(new URL(mirror).host),
        state: "ok",
        message: "trust root absent",
      },
    ]);
    expect(await sigstore.requests("tuf")).toEqual([]);
    expect(existsSync(join(cwd, "trust"))).toBe(false);
  });
});

describe("rootFinding", () => {
  const kept = { name: "own", mirror: "https://tuf.example", folder: "f" };

  test.each([
    ["fresh", true, "ok"],
    ["expired", false, "ok"],
    ["expired", true, "warning"],
    ["absent", true, "warning"],
    ["corrupt", false, "warning"],
  ] as const)("%s, offline %s: %s", (state, offline, expected) => {
    const finding = rootFinding({ ...kept, state }, offline);
    expect(finding).toMatchObject({ subject: kept.mirror, state: expected });
    expect(finding.hint !== undefined).toBe(expected === "warning");
  });

  test("says how old it is and until when it is good", () => {
    const fetchedAt = new Date("2026-01-02T00:00:00Z");
    const hardExpiresAt = new Date("2026-02-02T00:00:00Z");
    expect(rootFinding({ ...kept, state: "fresh", fetchedAt, hardExpiresAt }, false).message).toBe(
      "trust root fresh, fetched 2026-01-02T00:00:00.000Z, expires 2026-02-02T00:00:00.000Z",
    );
  });
});
