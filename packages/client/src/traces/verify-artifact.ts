import { resolve, sep } from "node:path";
import { type CtxUri, type Digest, hashFile } from "@ctxpack/identity";
import type { ArtifactMatch, Attribution, CandidateRun } from "@ctxpack/trace";
import type { Session } from "../session.ts";
import type { GivenSigners } from "../trust/given-signers.ts";
import { isRefusal } from "../trust/is-refusal.ts";
import { type VerifyResult, verify } from "../trust/verify.ts";
import { type Work, type WorkOptions, workOf } from "../work.ts";
import { storedRuns } from "./list.ts";

/** Runs that claim a file and are checked, one after the other. */
const MOST_CHECKED = 100;

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
  let attribution = await attributeArtifact(artifact, candidates(session, work, "accepted"), work);
  if (attribution.verdict === "unknown" && session.gate !== undefined) {
    // A run that is refused does not vouch for a file, and that it made the file is not unknown: its check ends with why.
    const refused = await attributeArtifact(artifact, candidates(session, work, "refused"), work);
    if (refused.verdict !== "unknown") attribution = refused;
  }
  const found = { ...attribution, path: file, digest };
  const [strongest] = attribution.matches;
  if (strongest === undefined) return found;
  return { ...found, run: await checkedRun(session, attribution.matches, options) };
}

/**
 * The first run with the strongest link that is whole and accepted, or else the first: anybody may record that they wrote
 * a file, and what one claims takes nothing from another.
 */
async function checkedRun(
  session: Session,
  matches: readonly ArtifactMatch[],
  options: VerifyArtifactOptions,
): Promise<NonNullable<VerifiedArtifact["run"]>> {
  const rivals = matches.filter(({ as }) => as === matches[0]?.as).slice(0, MOST_CHECKED);
  let first: NonNullable<VerifiedArtifact["run"]> | undefined;
  let refusal: unknown;
  for (const match of rivals) {
    try {
      const check = await verify(session, match.uri, options);
      const run = { uri: match.uri, match, check };
      if (check.clean) return run;
      first ??= run;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusal ??= error;
    }
  }
  if (first !== undefined) return first;
  throw refusal;
}

async function* candidates(
  session: Session,
  work: Work,
  which: "accepted" | "refused",
): AsyncGenerator<CandidateRun> {
  const store = await session.store(work.signal);
  for await (const { uri, head } of storedRuns(session, work, which)) {
    const has = async (name: string) => (await store.index(uri, work)).find(name) !== undefined;
    yield { uri, head, has };
  }
}
