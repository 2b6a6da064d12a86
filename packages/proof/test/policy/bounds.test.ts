import { parsePolicy } from "@ctxpack/proof";
import { describe, expect, it } from "vitest";
import { bundle, judge, policy, policyJson, workflow } from "./fixture.ts";

const many = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

describe("a policy is bounded", () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      "signers",
      { signers: Object.fromEntries(many(65, (n) => [`s${n}`, { publicKey: "x" }])) },
      "more than 64 members",
    ],
    [
      "rules",
      { rules: many(257, () => ({ require: [{ signers: ["alice"] }] })) },
      "more than 256 items",
    ],
    [
      "requirements",
      { rules: [{ require: many(17, () => ({ signers: ["alice"] })) }] },
      "more than 16 items",
    ],
    [
      "what is revoked",
      { revoked: many(4097, (n) => ({ uri: `x:${n}`, reason: "r" })) },
      "more than 4096 items",
    ],
    [
      "a text",
      { revoked: [{ uri: "x:y", reason: "r".repeat(2049) }] },
      "longer than 2048 characters",
    ],
  ])("in %s", (_, change, message) => {
    expect(() => parsePolicy(JSON.stringify(policyJson(change)), "p.json")).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_CONFIG",
        message: expect.stringContaining(message),
      }),
    );
  });

  it("in length and in depth", () => {
    expect(() => parsePolicy(" ".repeat((1 << 20) + 1), "p.json")).toThrow(/longer than 1 MiB/);
    expect(() => parsePolicy(`{"a":${"[".repeat(100_000)}`, "p.json")).toThrow(
      /nested deeper than 64/,
    );
  });
});

it("the largest of policies and the most of proofs are judged in seconds", async () => {
  const names = many(64, (n) => `s${n}`);
  const signers = Object.fromEntries(
    names.map((name, n) => [
      name,
      {
        identityPattern: `https://x\\.example/${n}/[a-z]+`,
        issuer: "https://i.example",
        trustRoot: "r",
      },
    ]),
  );
  const trustRoots = { r: { tuf: "https://tuf-repo-cdn.sigstore.dev" } };
  const rule = { require: many(16, () => ({ signers: names, threshold: 64 })) };
  const largest = await policy({ signers, trustRoots, rules: many(16, () => rule) });
  const bundles = many(256, (n) =>
    bundle({
      by: workflow({ identity: `https://x.example/${n % 64}/abc`, issuer: "https://i.example" }),
      at: "2026-11-20T10:00:00Z",
      logEntries: 1,
    }),
  );
  const start = performance.now();
  expect(judge(largest, bundles).failure).toBeUndefined();
  expect(judge(largest, bundles.slice(0, 63)).failure?.code).toBe("CTXPACK_E_PROOF_THRESHOLD");
  // A bound against hours, not a measure of speed.
  expect(performance.now() - start).toBeLessThan(60_000);
});
