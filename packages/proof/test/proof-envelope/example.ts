import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProofEnvelopeInput } from "@ctxpack/proof";

export const sha256Of = (bytes: string | Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

export const REPORT = "one\r\ntwo\nthree and more\nfour";
export const PAGE = "<p>the price is 12</p>";

/** A folder with an artifact, a bundle, evidence and a snapshot, and what an envelope of them is made from. */
export function example(base: string): ProofEnvelopeInput {
  mkdirSync(join(base, "files"));
  mkdirSync(join(base, "snapshots"));
  writeFileSync(join(base, "answer.json"), '{"answer":42}');
  writeFileSync(join(base, "files/a b.txt"), "a");
  writeFileSync(join(base, "files/c%.txt"), "c");
  writeFileSync(join(base, "report.md"), REPORT);
  writeFileSync(join(base, "sealed.bin"), "sealed");
  writeFileSync(join(base, "snapshots", sha256Of(PAGE)), PAGE);
  return {
    artifactPath: "answer.json",
    artifactMime: "application/json",
    bundlePaths: ["files/a b.txt", join(base, "files/c%.txt")],
    publicContext: { question: "how much?" },
    sealedContextRef: { uri: "sealed.bin", sha256: sha256Of("sealed") },
    evidence: [
      { type: "file", path: "report.md", lines: { start: 2, end: 3 }, quote: "two\r\nthree" },
      { type: "file", path: "report.md", quote: "one\ntwo" },
      {
        type: "file",
        path: "report.md",
        lines: { start: 4, end: 4 },
        quoteSha256: sha256Of("four"),
        commit: "abc",
      },
      {
        type: "url",
        href: "https://example.com/price",
        selector: "p",
        snapshot: { bodySha256: sha256Of(PAGE), retrievedAt: "2026-11-20T10:00:00Z" },
        quote: "the price is 12",
      },
      { type: "url", href: "https://example.com/other" },
    ],
    actor: { agent: "analyst", role: "worker", runId: "r1" },
    runtime: { model: "large-3", parameters: { temperature: 0 }, tooling: { ocr: "1.2" } },
    trace: { otel: { traceId: "ab".repeat(16), rootSpanId: "cd".repeat(8) } },
    policyReceipts: [{ name: "licences", status: "pass", checks: ["spdx"], sbom: "sbom.json" }],
    base,
  };
}
