import { basename } from "node:path";
import { CtxPackError, digestHex } from "@ctxpack/identity";
import { systemError } from "../file/system-error.ts";
import { type HashFilesOptions, hashFiles } from "../hash/files.ts";
import { type FileEvidence, PROOF_SPEC, type ProofEnvelope } from "./envelope.ts";
import type { EvidenceInput, ProofEnvelopeInput } from "./input.ts";
import { locatePath, relativePath, relativeUri } from "./location.ts";
import { merkleRoot } from "./merkle.ts";
import { refusePrivate } from "./private.ts";
import { passageFault, sha256Hex } from "./quote.ts";
import { ulid } from "./ulid.ts";
import { getProofEnvelopeValidator } from "./validator.ts";

/** How an envelope is made. */
export interface CreateEnvelopeOptions extends HashFilesOptions {
  /** The time in `issuedAt` and `id`; now. */
  readonly now?: Date | undefined;
}

/**
 * Makes the envelope of an artifact: hashes it, the files of its bundle and of the evidence, computes the Merkle root,
 * and holds every line range and quote against the text. No absolute path is in it.
 *
 * @throws CtxPackError `CTXPACK_E_PATH_NOT_FOUND`, `CTXPACK_E_TREE`, `CTXPACK_E_PERMISSION` for the first file that cannot
 *   be read; `CTXPACK_E_DIGEST_MISMATCH` for evidence that does not say what it is said to; `CTXPACK_E_SECRET` for a
 *   context or parameters with what looks like a secret; `CTXPACK_E_USAGE` for anything the format does not allow.
 */
export async function createProofEnvelope(
  input: ProofEnvelopeInput,
  options: CreateEnvelopeOptions = {},
): Promise<ProofEnvelope> {
  const { now = new Date(), signal } = options;
  const { base, bundlePaths = [], evidence = [], attestations } = input;
  refusePrivate({ ...input, evidence }, input.allowSecret);
  const place = (path: string) => locatePath(path, base, true);
  const blobs = evidence.flatMap((one) => (one.type === "file" ? [one.path] : []));
  const named = [input.artifactPath, ...bundlePaths, ...blobs].map(place);
  const hex = await digests(named, options);
  const digestOf = (path: string) => hex.get(place(path)) as string;
  const files = bundlePaths.map((path) => ({
    uri: relativeUri(place(path), base),
    sha256: digestOf(path),
  }));
  const envelope: ProofEnvelope = {
    proofSpec: PROOF_SPEC.name,
    specVersion: PROOF_SPEC.version,
    id: ulid(now),
    issuedAt: now.toISOString(),
    actor: input.actor,
    artifact: {
      uri: relativeUri(place(input.artifactPath), base),
      mime: input.artifactMime,
      contentHash: { alg: "sha256", hex: digestOf(input.artifactPath) },
    },
    ...(files.length > 0 && { bundle: { files, merkleRoot: merkleRoot(files) } }),
    context: {
      public: input.publicContext,
      ...(input.sealedContextRef !== undefined && { sealedRef: input.sealedContextRef }),
    },
    evidence: evidence.map((one) =>
      one.type === "file"
        ? fileEvidence(one, relativePath(place(one.path), base), digestOf(one.path))
        : one,
    ),
    runtime: input.runtime,
    ...(input.trace !== undefined && { trace: input.trace }),
    ...(input.policyReceipts !== undefined && { policyReceipts: input.policyReceipts }),
    ...(attestations !== undefined && { attestations }),
  };
  const copy = finished(envelope);
  for (const one of copy.evidence) {
    if (one.type === "file") await checkEvidence(one, place(one.path), signal);
  }
  return copy;
}

/** An envelope of its own, that nothing of the caller's changes any more. Throws CTXPACK_E_USAGE. */
export function finished(envelope: ProofEnvelope): ProofEnvelope {
  // What JSON cannot hold is already refused; this drops members that are undefined.
  const copy = JSON.parse(JSON.stringify(envelope)) as ProofEnvelope;
  const fault = getProofEnvelopeValidator()(copy);
  if (fault === undefined) return copy;
  throw new CtxPackError("CTXPACK_E_USAGE", `proof envelope${fault.pointer}: ${fault.message}`, {
    hint: "schemas/proof-envelope.v1.json of @ctxpack/proof says what an envelope may hold",
    details: { pointer: fault.pointer },
  });
}

async function digests(
  paths: readonly string[],
  options: HashFilesOptions,
): Promise<ReadonlyMap<string, string>> {
  const hashed = await hashFiles([...new Set(paths)], options);
  return new Map(
    hashed.map((file) => {
      if ("error" in file) throw file.error;
      return [file.path, digestHex(file.digest)];
    }),
  );
}

function fileEvidence(
  { blobSha256 = "", ...input }: EvidenceInput & { readonly type: "file" },
  path: string,
  hex: string,
): FileEvidence {
  if (blobSha256 !== "" && blobSha256 !== hex) {
    throw wrong(path, `its sha256 is ${hex}, not ${blobSha256}`);
  }
  const { quote } = input;
  return {
    ...input,
    path,
    blobSha256: hex,
    ...(quote !== undefined &&
      input.quoteSha256 === undefined && { quoteSha256: sha256Hex(quote) }),
  };
}

async function checkEvidence(
  evidence: FileEvidence,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const fault = await passageFault(path, evidence, signal).catch((error) => {
    throw systemError(error, path);
  });
  if (fault === undefined) return;
  const what = {
    lines: `there are no lines ${evidence.lines?.start} to ${evidence.lines?.end}`,
    quote: "the quote does not stand there",
    "quote-hash": "quoteSha256 is not that of the quote",
  };
  throw wrong(evidence.path, what[fault]);
}

function wrong(path: string, message: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_DIGEST_MISMATCH", `evidence ${basename(path)}: ${message}`, {
    hint: "evidence has to hold for the file as it is now",
    details: { path },
  });
}
