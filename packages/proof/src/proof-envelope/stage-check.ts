import { CtxPackError } from "@ctxpack/identity";
import { isEarlier, type ProofEnvelope } from "./envelope.ts";
import { type EnvelopeIssue, mismatch, refused, unreadable } from "./issue.ts";
import { locate } from "./location.ts";
import { findStage, loadRunManifest, stageSha256 } from "./run-manifest.ts";
import { stageOf } from "./stage-fragment.ts";

/** What is wrong with an artifact that is a stage of a run manifest; nothing when it is a file. */
export async function stageIssues(
  envelope: ProofEnvelope,
  options: { readonly base: string; readonly signal?: AbortSignal | undefined },
): Promise<readonly EnvelopeIssue[]> {
  const { uri, contentHash } = envelope.artifact;
  const key = stageOf(uri);
  if (key === undefined) return [];
  const pointer = "/artifact";
  try {
    const place = locate(uri, options.base, isEarlier(envelope));
    if (place === undefined) throw new CtxPackError("CTXPACK_E_UNSUPPORTED", `${uri} is no file`);
    const manifest = await loadRunManifest(place.path, options);
    const stage = findStage(manifest, key);
    if (stageSha256(manifest, stage, isEarlier(envelope)) === contentHash.hex) return [];
    const message = `stage ${key} is not what was proved`;
    return [mismatch("artifact-hash-mismatch", pointer, message)];
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!CtxPackError.isInstance(error)) throw error;
    return [
      error.code === "CTXPACK_E_NOT_FOUND"
        ? refused("artifact-read-error", pointer, error)
        : unreadable("artifact-read-error", pointer, error),
    ];
  }
}
