import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  createStageProofEnvelope,
  findStage,
  loadRunManifest,
  type ProofEnvelope,
  verifyProofEnvelope,
  verifyStageProofEnvelope,
} from "@ctxpack/proof";
import { describe, expect, it } from "vitest";
import { workplace } from "../workplace.ts";
import { PAGE, REPORT, sha256Of } from "./example.ts";

const place = workplace();
const actor = { agent: "gate", role: "automation" };
const runtime = { model: "large-3" };
const stageKey = "quality-triage";

const stage = {
  key: stageKey,
  title: "Quality Triage",
  category: "quality",
  sequence: 4,
  status: "passed",
  summary: "all good",
  gate: { approvals: [] },
  evidence: [
    {
      type: "file",
      path: "report.md",
      sha256: sha256Of(REPORT).toUpperCase(),
      lines: { start: 0, end: 2 },
      description: "what was measured",
    },
    {
      type: "url",
      href: "https://example.com/spec",
      snapshot: { bodySha256: sha256Of(PAGE).toUpperCase(), retrievedAt: "2026-11-20T10:00:00Z" },
      description: "the specification",
    },
    { type: "url", href: "https://example.com/other" },
    { type: "kernel", evidenceId: "evidence/1" },
  ],
};
const manifest = {
  manifestId: "m1",
  runId: "r1",
  schemaVersion: "1.0.0",
  telemetry: { startedAt: "2026-11-20T10:00:00Z" },
  stages: [stage, { key: "automation-release" }],
};

async function written(value: object = manifest): Promise<{ base: string; manifestPath: string }> {
  const base = await place();
  const manifestPath = join(base, "run manifest.json");
  writeFileSync(manifestPath, JSON.stringify(value, null, 2));
  writeFileSync(join(base, "report.md"), REPORT);
  mkdirSync(join(base, "snapshots"));
  writeFileSync(join(base, "snapshots", sha256Of(PAGE)), PAGE);
  return { base, manifestPath };
}

describe("the proof of a stage", () => {
  it("has the stage as its artifact, and its evidence", async () => {
    const { base, manifestPath } = await written();
    const made = await createStageProofEnvelope({ manifestPath, stageKey, actor, runtime });
    expect(made.stage).toEqual(stage);
    expect(made.envelope).toMatchObject({
      artifact: {
        uri: "run%20manifest.json#stage=quality-triage",
        mime: "application/json",
        contentHash: { alg: "sha256", hex: expect.stringMatching(/^[0-9a-f]{64}$/) },
      },
      context: {
        public: {
          manifestId: "m1",
          runId: "r1",
          stage: {
            key: stageKey,
            title: "Quality Triage",
            status: "passed",
            summary: "all good",
            sequence: 4,
          },
          telemetry: manifest.telemetry,
        },
      },
      evidence: [
        {
          type: "file",
          path: "report.md",
          blobSha256: sha256Of(REPORT),
          lines: { start: 1, end: 2 },
          description: "what was measured",
        },
        { href: "https://example.com/spec", snapshot: { bodySha256: sha256Of(PAGE) } },
        { type: "url", href: "https://example.com/other" },
        { type: "url", href: "kernel:evidence%2F1" },
      ],
    });
    const { envelope } = made;
    const snapshots = join(base, "snapshots");
    const input = { envelope, manifestPath, stageKey };
    expect(await verifyStageProofEnvelope(input, { base, snapshots })).toMatchObject({
      valid: true,
      issues: [],
    });
    // The stage of an envelope is looked at without being told which.
    expect((await verifyProofEnvelope(envelope, { base })).valid).toBe(true);
  });

  it("does not hold for another stage, another manifest, or the stage as it is now", async () => {
    const { base, manifestPath } = await written();
    const made = await createStageProofEnvelope({ manifestPath, stageKey, actor, runtime });
    const { envelope } = made;
    const codes = async (change: object) => {
      const input = { envelope, manifestPath, stageKey, ...change };
      const { issues } = await verifyStageProofEnvelope(input, { base });
      return issues.map(({ code }) => code);
    };
    expect(await codes({ stageKey: "automation-release" })).toEqual(["stage-mismatch"]);
    const copy = join(base, "copy.json");
    writeFileSync(copy, JSON.stringify(manifest));
    expect(await codes({ manifestPath: copy })).toEqual(["stage-mismatch"]);
    writeFileSync(
      manifestPath,
      JSON.stringify({ ...manifest, stages: [{ ...stage, status: "failed" }] }),
    );
    expect(await codes({})).toEqual(["artifact-hash-mismatch"]);
    const other = { ...envelope, artifact: { ...envelope.artifact, uri: "report.md" } };
    expect(await codes({ envelope: other })).toEqual(["stage-mismatch", "artifact-hash-mismatch"]);
  });

  it("cannot be judged without its manifest, or where that has no such stage", async () => {
    const { base, manifestPath } = await written();
    const made = await createStageProofEnvelope({ manifestPath, stageKey, actor, runtime });
    const error = async (uri: string) => {
      const envelope = { ...made.envelope, artifact: { ...made.envelope.artifact, uri } };
      const { issues } = await verifyProofEnvelope(envelope, { base });
      return issues.map((issue) => `${issue.code} ${issue.error}`);
    };
    expect(await error("none.json#stage=quality-triage")).toEqual([
      "artifact-read-error CTXPACK_E_NOT_FOUND",
    ]);
    expect(await error("report.md#stage=quality-triage")).toEqual([
      "artifact-read-error CTXPACK_E_CONFIG",
    ]);
    expect(await error("run%20manifest.json#stage=other")).toEqual([
      "artifact-read-error CTXPACK_E_NOT_FOUND",
    ]);
    expect(await error("https://example.com/m.json#stage=other")).toEqual([
      "artifact-read-error CTXPACK_E_UNSUPPORTED",
    ]);
  });

  it("is read as the earlier system wrote it", async () => {
    const { base, manifestPath } = await written();
    const hex = sha256Of(JSON.stringify({ manifestId: "m1", stage }, null, 2));
    const envelope: ProofEnvelope = {
      proofSpec: "cortex-os/proof-artifact",
      specVersion: "0.2.0",
      id: "01ARZ3NDEKTSV4RRFFQ69G5FAV",
      issuedAt: "2026-11-20T10:00:00Z",
      actor,
      artifact: {
        uri: `${pathToFileURL(manifestPath).href}#stage=${stageKey}`,
        mime: "application/json",
        contentHash: { alg: "sha256", hex },
      },
      context: { public: {} },
      evidence: [
        {
          type: "file",
          path: join(base, "report.md"),
          blobSha256: sha256Of(REPORT),
          quote: "a description, which stands nowhere",
        },
      ],
      runtime,
      attestations: [],
    };
    const verdict = await verifyStageProofEnvelope({ envelope, manifestPath, stageKey }, { base });
    expect(verdict).toEqual({
      valid: true,
      issues: [],
      unchecked: ["/evidence/0/quote"],
      signers: [],
    });
  });

  it.each([
    [
      "evidence that changed",
      [{ ...stage, evidence: [{ type: "file", path: "report.md", sha256: "ab".repeat(32) }] }],
      "CTXPACK_E_DIGEST_MISMATCH",
    ],
    ["a secret", [{ ...stage, summary: `ghp_${"a".repeat(36)}` }], "CTXPACK_E_SECRET"],
  ])("is not made of %s", async (_, stages, code) => {
    const { manifestPath } = await written({ ...manifest, stages });
    const making = createStageProofEnvelope({ manifestPath, stageKey, actor, runtime });
    await expect(making).rejects.toMatchObject({ code });
  });
});

describe("loadRunManifest and findStage", () => {
  it.each([
    ["no stages", { ...manifest, stages: [] }, "/stages"],
    ["no manifestId", { ...manifest, manifestId: undefined }, '"manifestId" is missing'],
    [
      "evidence of no kind",
      { ...manifest, stages: [{ key: "a", evidence: [{ type: "x" }] }] },
      "/stages/0/evidence/0",
    ],
    ["a stage twice", { ...manifest, stages: [{ key: "a" }, { key: "a" }] }, "/stages/1/key"],
    ["a key with spaces", { ...manifest, stages: [{ key: "a b" }] }, "/stages/0/key"],
  ])("refuse %s", async (_, value, message) => {
    const { manifestPath } = await written(value);
    await expect(loadRunManifest(manifestPath)).rejects.toMatchObject({
      code: "CTXPACK_E_CONFIG",
      message: expect.stringContaining(message),
    });
  });

  it("refuse a file that is not there, and a stage that is not, with those that are", async () => {
    const { base, manifestPath } = await written();
    await expect(loadRunManifest(join(base, "none"))).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
    });
    await expect(loadRunManifest(base)).rejects.toMatchObject({ code: "CTXPACK_E_CONFIG" });
    const loaded = await loadRunManifest(manifestPath);
    expect(() => findStage(loaded, "other")).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_NOT_FOUND",
        hint: "it has quality-triage, automation-release",
      }),
    );
  });
});
