import { join } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { isEarlier, type ProofEnvelope, type ProofEvidence } from "./envelope.ts";
import type { EnvelopeIssueCode } from "./issue.ts";
import { locate, locatePath } from "./location.ts";
import type { Passage } from "./quote.ts";
import { stageOf } from "./stage-fragment.ts";

/** A file that an envelope names, and what is to be true of it. */
export interface FileCheck {
  /** JSON pointer of what names it. */
  readonly pointer: string;
  /** As people know it. */
  readonly shown: string;
  /** Where it lies, or why that cannot be said. */
  readonly place: { readonly path: string } | { readonly error: CtxPackError };
  readonly sha256: string;
  readonly mismatch: EnvelopeIssueCode;
  readonly unreadable: EnvelopeIssueCode;
  /** What is said to stand in it. */
  readonly passage?: Passage | undefined;
  /** It need not be there: what is sealed is not for everybody. */
  readonly optional?: boolean;
}

/** Where files are looked for. */
export interface CheckPlaces {
  readonly base: string;
  readonly snapshots?: string | undefined;
}

/** What is to be checked of an envelope, and what cannot be. */
export interface CheckPlan {
  readonly files: readonly FileCheck[];
  /** JSON pointers. */
  readonly unchecked: readonly string[];
}

/** Lists the files of an envelope in the order in which they are reported: artifact, bundle, sealed, evidence. */
export function planChecks(envelope: ProofEnvelope, places: CheckPlaces): CheckPlan {
  const { artifact, bundle, context, evidence } = envelope;
  const plan = new Plan(envelope, places);
  // A stage is a part of a file; `verifyProofEnvelope` looks at it by itself.
  if (stageOf(artifact.uri) === undefined) {
    plan.uri("/artifact", artifact.uri, artifact.contentHash.hex, "artifact");
  }
  for (const [index, { uri, sha256 }] of (bundle?.files ?? []).entries()) {
    plan.uri(`/bundle/files/${index}`, uri, sha256, "bundle");
  }
  const sealed = context.sealedRef;
  if (sealed !== undefined) plan.uri("/context/sealedRef", sealed.uri, sealed.sha256, "sealed");
  for (const [index, one] of evidence.entries()) plan.evidence(`/evidence/${index}`, one);
  return plan;
}

class Plan implements CheckPlan {
  readonly files: FileCheck[] = [];
  readonly unchecked: string[] = [];
  readonly #envelope: ProofEnvelope;
  readonly #places: CheckPlaces;

  constructor(envelope: ProofEnvelope, places: CheckPlaces) {
    this.#envelope = envelope;
    this.#places = places;
  }

  /** A file that a URI names. Only what is sealed may be no file: then it cannot be checked. */
  uri(pointer: string, uri: string, sha256: string, kind: "artifact" | "bundle" | "sealed"): void {
    const found = attempt(() => locate(uri, this.#places.base, isEarlier(this.#envelope)));
    if (found === undefined && kind === "sealed") {
      this.unchecked.push(pointer);
      return;
    }
    const place = found ?? { error: noFile(uri) };
    this.files.push({
      pointer,
      shown: uri,
      place,
      sha256,
      mismatch: `${kind}-hash-mismatch`,
      unreadable: `${kind}-read-error`,
      ...(kind === "sealed" && { optional: true }),
    });
  }

  evidence(pointer: string, evidence: ProofEvidence): void {
    if (evidence.type === "url") {
      this.#snapshot(pointer, evidence);
      return;
    }
    const { path, blobSha256, lines, quote, quoteSha256, commit } = evidence;
    const earlier = isEarlier(this.#envelope);
    // The earlier system wrote descriptions into `quote` of a stage's evidence.
    const described = earlier && stageOf(this.#envelope.artifact.uri) !== undefined;
    const said = quote !== undefined && !described;
    if (commit !== undefined) this.unchecked.push(`${pointer}/commit`);
    if (described && quote !== undefined) this.unchecked.push(`${pointer}/quote`);
    if (quoteSha256 !== undefined && !said && lines === undefined) {
      this.unchecked.push(`${pointer}/quoteSha256`);
    }
    this.files.push({
      pointer,
      shown: path,
      place: attempt(() => ({ path: locatePath(path, this.#places.base, earlier) })),
      sha256: blobSha256,
      mismatch: "evidence-hash-mismatch",
      unreadable: "evidence-read-error",
      passage: {
        ...(lines !== undefined && { lines }),
        ...(said && { quote }),
        ...(quoteSha256 !== undefined && { quoteSha256 }),
      },
    });
  }

  /** What a URL answered lies in the snapshot folder under the digest of its bytes. */
  #snapshot(pointer: string, evidence: ProofEvidence & { readonly type: "url" }): void {
    const { href, quote, quoteSha256, snapshot } = evidence;
    const folder = this.#places.snapshots;
    if (snapshot === undefined || folder === undefined) {
      this.unchecked.push(pointer);
      return;
    }
    this.files.push({
      pointer,
      shown: `${href} (${snapshot.bodySha256})`,
      place: { path: join(folder, snapshot.bodySha256) },
      sha256: snapshot.bodySha256,
      mismatch: "snapshot-hash-mismatch",
      unreadable: "snapshot-read-error",
      passage: {
        ...(quote !== undefined && { quote }),
        ...(quoteSha256 !== undefined && { quoteSha256 }),
      },
    });
  }
}

function noFile(uri: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_NOT_FOUND", `${JSON.stringify(uri)} is no file to check`, {
    hint: "fetch it, and let the envelope name the file",
  });
}

function attempt<T>(find: () => T): T | { readonly error: CtxPackError } {
  try {
    return find();
  } catch (error) {
    return { error: error as CtxPackError };
  }
}
