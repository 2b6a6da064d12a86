import { resolve } from "node:path";
import type { CheckReport, PackRecord, Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri, type Digest } from "@ctxpack/identity";
import type { Lock, Verdict } from "@ctxpack/proof";
import { askPantries, identifySubject } from "../find.ts";
import type { FoundPack } from "../pantry.ts";
import type { Session } from "../session.ts";
import { type Work, type WorkOptions, workOf } from "../work.ts";
import { type GivenSigners, policyOfSigners } from "./given-signers.ts";
import { PolicyGate } from "./policy-gate.ts";

export interface VerifyOptions extends WorkOptions, GivenSigners {
  /** Look at the pack and the proofs of this pantry. */
  readonly from?: string | undefined;
  /** A lock file whose pin of the pack has to be met. */
  readonly lock?: string | undefined;
  /** Write the pin of the pack into `lock` instead, once it is accepted. */
  readonly pin?: boolean | undefined;
}

export interface VerifyResult extends CheckReport {
  readonly uri: CtxUri;
  /** What was checked: only that bytes are what their digests say, or also who vouches for them. */
  readonly verified: "integrity" | "proof";
  /** By what it was accepted. */
  readonly proof?: AcceptedProof;
}

export interface AcceptedProof {
  readonly manifest: Digest;
  /** Where the proofs were found: `store`, or the pantry's address. */
  readonly where: string;
  readonly bundles: readonly Digest[];
  /** Of the policies that accepted it. */
  readonly policies: readonly Digest[];
  /** In sentences. */
  readonly explanation: string;
}

const NOTHING_READ: CheckReport = {
  checked: { packs: 0, blobs: 0, trees: 0, files: 0, bytes: 0 },
  damages: [],
  lost: [],
  clean: true,
};

/**
 * Checks a pack: every byte that the store has of it, and, where a key, a policy or a lock file asks for it, who vouches
 * for it. Throws CTXPACK_E_NOT_FOUND, and CTXPACK_E_POLICY or CTXPACK_E_PROOF_… for a pack that is refused.
 */
export async function verify(
  session: Session,
  subject: string,
  options: VerifyOptions,
): Promise<VerifyResult> {
  const work = workOf(options);
  const { uri, found } = await identifySubject(session, subject, work);
  const store = await session.store(work.signal);
  const given = await policyOfSigners(options, session.cwd, work.signal);
  const sources = [...session.config.policies, ...(given ? [given] : [])];
  const { lock: file, pin } = options;
  const lock =
    file === undefined
      ? undefined
      : await (await import("@ctxpack/proof")).readLock(resolve(session.cwd, file), work);
  if (sources.length === 0) {
    if (file !== undefined) {
      throw new CtxPackError("CTXPACK_E_USAGE", "a lock file pins what policies accepted", {
        hint: "name the policy as well: --policy FILE",
      });
    }
    return { uri, verified: "integrity", ...(await store.verify(uri, work)) };
  }
  await using gate = new PolicyGate(session, sources, pin ? undefined : lock);
  const record = await store.get(uri);
  const isHere = record !== undefined && !record.partial;
  const from = options.from ?? (isHere ? undefined : found?.address);
  const { verdict, where } = await verdictOn(
    { session, gate, store, uri, from, found },
    isHere ? record : undefined,
    work,
  );
  const { explainVerdict, requireAccepted } = await import("@ctxpack/proof");
  requireAccepted(verdict);
  if (lock !== undefined) await holdTo(lock, verdict, pin === true, work);
  const report = isHere ? await store.verify(uri, work) : NOTHING_READ;
  return {
    uri,
    verified: "proof",
    proof: {
      manifest: verdict.pack.manifest,
      where,
      bundles: verdict.bundles,
      policies: verdict.policies.map(({ digest }) => digest),
      explanation: explainVerdict(verdict),
    },
    ...report,
  };
}

interface Sought {
  readonly session: Session;
  readonly gate: PolicyGate;
  readonly store: Store;
  readonly uri: CtxUri;
  readonly from: string | undefined;
  readonly found: FoundPack | undefined;
}

/** By the proofs that the store keeps, else by those of the pantries that have the same output. */
async function verdictOn(
  { session, gate, store, uri, from, found }: Sought,
  record: PackRecord | undefined,
  work: Work,
): Promise<{ verdict: Verdict; where: string }> {
  const { signal } = work;
  let first: { verdict: Verdict; where: string } | undefined;
  if (from === undefined && record !== undefined) {
    const { verdict } = await gate.storedVerdict(store, record, await store.proofs(uri), signal);
    first = { verdict, where: "store" };
    if (verdict.accepted || session.config.offline) return first;
  }
  const candidates = found ? [{ found }] : askPantries(session, uri, from, work);
  for await (const { found } of candidates) {
    if (!found || (record && found.manifest.tree !== record.tree)) continue;
    const verdict = await gate.wholeVerdict(found, signal);
    if (verdict.accepted) return { verdict, where: found.address };
    if (first === undefined || first.verdict.failure?.code === "CTXPACK_E_PROOF_MISSING") {
      first = { verdict, where: found.address };
    }
  }
  if (first !== undefined) return first;
  throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${uri} is neither here nor in a pantry`, {
    hint: "name a pantry that has it with --from",
    details: { uri },
  });
}

/** Writes the pin, or sees to it that there is one: it has been met already. */
async function holdTo(lock: Lock, verdict: Verdict, isNew: boolean, work: Work): Promise<void> {
  const { pinOf, withPin, writeLock } = await import("@ctxpack/proof");
  const { uri } = verdict.pack;
  if (isNew) {
    await writeLock(withPin(lock, uri, pinOf(verdict)), { signal: work.signal });
    return;
  }
  if (lock.packs.has(uri)) return;
  throw new CtxPackError("CTXPACK_E_PROOF_PIN", `${lock.file} does not pin ${uri}`, {
    hint: "ctxpack verify --lock FILE --pin pins it as it is now",
    details: { uri, file: lock.file },
  });
}
