import { resolve, sep } from "node:path";
import { type CtxUri, type Digest, hashFile } from "@ctxpack/identity";
import type { ArtifactMatch, Attribution, CandidateRun } from "@ctxpack/trace";
import type { Session } from "../session.ts";
import type { GivenSigners } from "../trust/given-signers.ts";
import { type VerifyResult, verify } from "../trust/verify.ts";
import { type Work, type WorkOptions, workOf } from "../work.ts";
import { storedRuns } from "./list.ts";

export interface VerifyArtifactOptions extends WorkOptions, GivenSigners {}

/** What is known of where a file comes from. */
export interface VerifiedArtifact extends Attribution {
  /** As it was given. */
  readonly path: string;
  readonly digest: Digest;
  /** The run that the strongest link leads to; absent when no run has anything to do with it. */
  readonly run?: {
    readonly uri: CtxUri;
    readonly match: ArtifactMatch;
    /** Whether every byte of its pack is what it should be, and who vouches for it where that was asked. */
    readonly check: VerifyResult;
  };
}

/**
 * Which run of the store produced a file: by its bytes, wherever it lies and whatever it is called. That run is checked
 * as a pack is, with the signers and policies in force. Throws CTXPACK_E_PATH_NOT_FOUND, and CTXPACK_E_POLICY or
 * CTXPACK_E_PROOF_… for a run that is refused.
 */
export async function verifyArtifact(
  session: Session,
  file: string,
  options: VerifyArtifactOptions,
): Promise<VerifiedArtifact> {
  const work = workOf(options);
  const path = resolve(session.cwd, file);
  const { digest } = await hashFile(path, work);
  const { attributeArtifact } = await import("@ctxpack/trace");
  const artifact = { digest, path: path.split(sep).join("/") };
  const attribution = await attributeArtifact(artifact, candidates(session, work), work);
  const found = { ...attribution, path: file, digest };
  const [match] = attribution.matches;
  if (match === undefined) return found;
  const check = await verify(session, match.uri, options);
  return { ...found, run: { uri: match.uri, match, check } };
}

async function* candidates(session: Session, work: Work): AsyncGenerator<CandidateRun> {
  const store = await session.store(work.signal);
  for await (const { uri, head } of storedRuns(session, work)) {
    const has = async (name: string) => (await store.index(uri, work)).find(name) !== undefined;
    yield { uri, head, has };
  }
}
