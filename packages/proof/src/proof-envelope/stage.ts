import { dirname, resolve } from "node:path";
import { finished } from "./create.ts";
import { isEarlier, PROOF_SPEC, type ProofEnvelope, type ProofEvidence } from "./envelope.ts";
import type { EnvelopeStatements } from "./input.ts";
import { mismatch } from "./issue.ts";
import { locate, relativePath, relativeUri } from "./location.ts";
import { refusePrivate } from "./private.ts";
import {
  findStage,
  loadRunManifest,
  type RunManifest,
  type RunStage,
  type StageEvidence,
  stageSha256,
} from "./run-manifest.ts";
import { stageOf } from "./stage-fragment.ts";
import { ulid } from "./ulid.ts";
import {
  type EnvelopeVerdict,
  requireValid,
  type VerifyEnvelopeOptions,
  verifyProofEnvelope,
} from "./verify.ts";

/** What the envelope of a stage is made from. */
export interface StageProofInput extends EnvelopeStatements {
  readonly manifestPath: string;
  readonly stageKey: string;
  /** The folder the envelope will lie in; default the manifest's. */
  readonly base?: string | undefined;
}

/**
 * Makes the envelope of one stage of a run manifest: the artifact is the stage, its evidence that of the stage, checked. Paths in a
 * manifest are relative to its folder.
 *
 * @throws CtxPackError what `loadRunManifest`, `findStage` and `createProofEnvelope` throw.
 */
export async function createStageProofEnvelope(
  input: StageProofInput,
  options: Omit<VerifyEnvelopeOptions, "base" | "signatures"> & {
    readonly now?: Date | undefined;
  } = {},
): Promise<{ readonly envelope: ProofEnvelope; readonly stage: RunStage }> {
  const { now = new Date() } = options;
  const { manifestPath, stageKey } = input;
  const manifest = await loadRunManifest(manifestPath, options);
  const stage = findStage(manifest, stageKey);
  const folder = dirname(manifestPath);
  const { base = folder } = input;
  const evidence = (stage.evidence ?? []).map((one) =>
    evidenceOf(one, (path) => relativePath(resolve(folder, path), base)),
  );
  const publicContext = contextOf(manifest, stage);
  refusePrivate({ ...input, publicContext, evidence }, input.allowSecret);
  const envelope = finished({
    proofSpec: PROOF_SPEC.name,
    specVersion: PROOF_SPEC.version,
    id: ulid(now),
    issuedAt: now.toISOString(),
    actor: input.actor,
    artifact: {
      uri: `${relativeUri(resolve(manifestPath), base)}#stage=${stage.key}`,
      mime: "application/json",
      contentHash: { alg: "sha256", hex: stageSha256(manifest, stage, false) },
    },
    context: { public: publicContext },
    evidence,
    runtime: input.runtime,
    ...(input.trace !== undefined && { trace: input.trace }),
    ...(input.policyReceipts !== undefined && { policyReceipts: input.policyReceipts }),
  });
  requireValid(await verifyProofEnvelope(envelope, { ...options, base }), `stage ${stage.key}`);
  return { envelope, stage };
}

/**
 * Verifies that an envelope is that of this stage of this manifest, and everything that `verifyProofEnvelope` does.
 *
 * @throws CtxPackError what `loadRunManifest`, `findStage` and `verifyProofEnvelope` throw.
 */
export async function verifyStageProofEnvelope(
  input: {
    readonly envelope: ProofEnvelope;
    readonly manifestPath: string;
    readonly stageKey: string;
  },
  options: VerifyEnvelopeOptions,
): Promise<EnvelopeVerdict> {
  const { envelope, manifestPath, stageKey } = input;
  findStage(await loadRunManifest(manifestPath, options), stageKey);
  const verdict = await verifyProofEnvelope(envelope, options);
  const { uri } = envelope.artifact;
  const found = stageOf(uri) === stageKey && locate(uri, options.base, isEarlier(envelope));
  const expected = locate(relativeUri(resolve(manifestPath), options.base), options.base, false);
  if (found && found.path === expected?.path) return verdict;
  const message = `the envelope is about ${uri}, not about stage ${stageKey} of ${manifestPath}`;
  const issue = mismatch("stage-mismatch", "/artifact/uri", message);
  return { ...verdict, valid: false, issues: [issue, ...verdict.issues] };
}

function contextOf(manifest: RunManifest, stage: RunStage): ProofEnvelope["context"]["public"] {
  const { key, title, status, summary, sequence } = stage;
  const { manifestId, runId, telemetry } = manifest;
  return {
    manifestId,
    runId,
    stage: {
      key,
      ...(title !== undefined && { title }),
      ...(status !== undefined && { status }),
      ...(summary !== undefined && { summary }),
      ...(sequence !== undefined && { sequence }),
    },
    ...(telemetry !== undefined && { telemetry }),
  };
}

/** Evidence of a stage in an envelope's terms; what a person wrote about it is no quote. */
function evidenceOf(evidence: StageEvidence, relocate: (path: string) => string): ProofEvidence {
  const about = evidence.description ? { description: evidence.description } : {};
  switch (evidence.type) {
    case "file": {
      const { lines, path, sha256 } = evidence;
      return {
        type: "file",
        path: relocate(path),
        blobSha256: sha256.toLowerCase(),
        // A range from 0 is one from the first line.
        ...(lines !== undefined && {
          lines: { start: Math.max(1, lines.start), end: Math.max(1, lines.end) },
        }),
        ...about,
      };
    }
    case "url": {
      const { href, snapshot } = evidence;
      const bodySha256 = snapshot?.bodySha256.toLowerCase() ?? "";
      return {
        type: "url",
        href,
        ...(snapshot !== undefined && {
          snapshot: { bodySha256, retrievedAt: snapshot.retrievedAt },
        }),
        ...about,
      };
    }
    case "kernel":
      return { type: "url", href: `kernel:${encodeURIComponent(evidence.evidenceId)}`, ...about };
  }
}
