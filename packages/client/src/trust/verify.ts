import { resolve } from "node:path";
import type { CheckReport, PackRecord, Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri, type Digest } from "@ctxpack/identity";
import type { Lock, Verdict } from "@ctxpack/proof";
import { askPantries, identifySubject, requireSameOutput } from "../find.ts";
import type { FoundPack } from "../pantry.ts";
import type { Session } from "../session.ts";
import { type Work, type WorkOptions, workOf } from "../work.ts";
import { type GivenSigners, policyOfSigners } from "./given-signers.ts";
import { withoutPolicy } from "./in-force.ts";
import { bundlesOf } from "./pins.ts";
import { PolicyGate } from "./policy-gate.ts";

export interface VerifyOptions extends WorkOptions, GivenSigners {
  /** Look at the pack and the proofs of this pantry. */
  readonly from?: string | undefined;
  /** A lock file whose pin of the pack has to be met, beside those of the configuration. */
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
  const record = await wholeRecord(store, uri);
  // A tag names one output: the store's counts only if it is that one.
  const isHere = record !== undefined && (!found || found.manifest.tree === record.tree);
  const given = await policyOfSigners(options, session.cwd, work.signal);
  const sources = [...session.config.policies, ...(given ? [given] : [])];
  const { pin } = options;
  const file = options.lock === undefined ? undefined : resolve(session.cwd, options.lock);
  const lock = file === undefined ? undefined : await readLockFile(file, work);
  const { locks } = session.config;
  if (sources.length === 0) {
    const [first] = [...(file === undefined ? [] : [file]), ...locks];
    if (first !== undefined) throw withoutPolicy(first);
    if (record !== undefined && found !== undefined) requireSameOutput(record, found);
    return { uri, verified: "integrity", ...(await store.verify(uri, work)) };
  }
  await using gate = new PolicyGate(session, sources, {
    // What is to be pinned anew is not held to what was pinned before.
    locks: pin ? locks.filter((one) => one !== file) : locks,
    lock: pin ? undefined : lock,
  });
  const { verdict, where, lacked } = await verdictOn(
    { session, gate, store, uri, from: options.from, found },
    isHere ? record : undefined,
    work,
  );
  if (lacked !== undefined) throw lacked;
  const { explainVerdict, requireAccepted } = await import("@ctxpack/proof");
  requireAccepted(verdict);
  // A signer that was named here has no part in what everybody is held to, unless there is nothing else.
  const policies = verdict.policies.filter((_, i) => typeof sources[i] === "string");
  const pinned =
    policies.length > 0 ? { ...verdict, bundles: bundlesOf(policies), policies } : verdict;
  if (lock !== undefined) await holdTo(lock, pinned, pin === true, work);
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
  /** What a tag led to: this is what is judged. */
  readonly found: FoundPack | undefined;
}

interface Judged {
  readonly verdict: Verdict;
  /** `store`, or the address of the pantry. */
  readonly where: string;
  /** Why a trust root is not to be had on which the refusal hangs. */
  readonly lacked: CtxPackError | undefined;
}

/** By the proofs that the store keeps, else by those of the pantries that have the same output. */
async function verdictOn(
  { session, gate, store, uri, from, found }: Sought,
  record: PackRecord | undefined,
  work: Work,
): Promise<Judged> {
  const { signal } = work;
  if (found !== undefined) {
    return { ...(await gate.wholeVerdict(found, signal)), where: found.address };
  }
  let first: Judged | undefined;
  if (from === undefined && record !== undefined) {
    const proofs = await store.proofs(uri);
    const { verdict, lacked } = await gate.storedVerdict(store, record, { proofs }, signal);
    first = { verdict, lacked, where: "store" };
    if (verdict.accepted || session.config.offline) return first;
  }
  for await (const { found: one } of askPantries(session, uri, from, work)) {
    if (!one || (record && one.manifest.tree !== record.tree)) continue;
    const judged = { ...(await gate.wholeVerdict(one, signal)), where: one.address };
    if (judged.verdict.accepted) return judged;
    if (first === undefined || first.verdict.failure?.code === "CTXPACK_E_PROOF_MISSING") {
      first = judged;
    }
  }
  if (first !== undefined) return first;
  throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${uri} is neither here nor in a pantry`, {
    hint: "name a pantry that has it with --from",
    details: { uri },
  });
}

async function wholeRecord(store: Store, uri: CtxUri): Promise<PackRecord | undefined> {
  const record = await store.get(uri);
  return record?.partial ? undefined : record;
}

async function readLockFile(file: string, work: Work): Promise<Lock> {
  const { readLock } = await import("@ctxpack/proof");
  return await readLock(file, work);
}

/** Writes the pin, or sees to it that there is one: it has been met already. */
async function holdTo(lock: Lock, verdict: Verdict, isNew: boolean, work: Work): Promise<void> {
  const { pinOf, updateLock, withPin } = await import("@ctxpack/proof");
  const { uri } = verdict.pack;
  if (isNew) {
    const pin = pinOf(verdict);
    await updateLock(lock.file, (now) => withPin(now, uri, pin), { signal: work.signal });
    return;
  }
  if (lock.packs.has(uri)) return;
  throw new CtxPackError("CTXPACK_E_PROOF_PIN", `${lock.file} does not pin ${uri}`, {
    hint: "ctxpack verify --lock FILE --pin pins it as it is now",
    details: { uri, file: lock.file },
  });
}
