import type { Accepted, KeptProofs, PackRecord, Store } from "@ctxpack/cache";
import { type PackKind, parsePackManifest } from "@ctxpack/cache/pack";
import { CtxPackError } from "@ctxpack/identity";
import type { ReferrerLister } from "@ctxpack/oci";
import type { Evaluation, JudgedPack, Lock, SeenTimesFile, Verdict } from "@ctxpack/proof";
import { unlessDamaged } from "../damage.ts";
import { configBytes } from "../pack-config.ts";
import type { Session } from "../session.ts";
import { isGood, isMadeHere, untilOf } from "./acceptance.ts";
import { claimsOf } from "./claims.ts";
import { type Evidence, kept, type Material, weigh } from "./evidence.ts";
import type { AskedFor, Candidate, Gate } from "./gate.ts";
import { InForce, type Opened } from "./in-force.ts";
import { lackedRoot } from "./lacked-root.ts";
import { type Hold, holdToPins } from "./pins.ts";
import { digestsOf, type PolicySource, seenFile } from "./policies.ts";
import { toolsOf } from "./tools.ts";

/** Lock files whose pins a gate goes by. */
export interface Pins {
  /** Files that the configuration names. */
  readonly locks: readonly string[];
  /** One that all the policies of the gate were asked for. */
  readonly lock?: Lock | undefined;
}

/** The policies of configuration, environment and command line: all of them have to accept a pack. */
export class PolicyGate implements Gate, AsyncDisposable {
  readonly #session: Session;
  readonly #inForce: InForce;
  /** Of each policy, whether the configuration names it. */
  readonly #isConfigured: readonly boolean[];
  readonly #lock: Lock | undefined;
  #seen: SeenTimesFile | undefined;
  readonly #judged = new WeakMap<Candidate, Promise<Accepted>>();

  constructor(session: Session, sources: readonly PolicySource[], { locks, lock }: Pins) {
    this.#session = session;
    this.#inForce = new InForce(session, sources, locks);
    this.#isConfigured = sources.map((source) => typeof source === "string");
    this.#lock = lock;
  }

  async prepare(signal: AbortSignal): Promise<void> {
    await this.#inForce.read(signal);
  }

  /** Once for each pack that was found: who describes it first and then lets it in asks twice. */
  async judge(candidate: Candidate, signal: AbortSignal): Promise<Accepted> {
    const known = this.#judged.get(candidate) ?? this.#judge(candidate, signal);
    this.#judged.set(candidate, known);
    try {
      return await known;
    } catch (error) {
      this.#judged.delete(candidate);
      throw error;
    }
  }

  /** What the policies say of a pack in a pantry, by what its proofs say. Nothing is remembered. */
  async #verdictOf(candidate: Candidate, signal: AbortSignal): Promise<Judgement> {
    const { discoverBundles, evaluateWithDependencies } = await import("@ctxpack/proof");
    const inForce = await this.#inForce.open(signal);
    const { policies, material } = inForce;
    const isRun = candidate.manifest.kind === "trace";
    const others: Evidence[] = [];
    const gather = async ({ descriptor, uri, place, name, source }: Candidate) => {
      const found = canList(source) ? discoverBundles(source, descriptor, { signal }) : kept([]);
      const evidence = await weigh(found, material, signal);
      const pack = {
        manifest: descriptor.digest,
        uri,
        ...(place !== undefined && { pantry: place }),
        ...(name !== undefined && { name }),
        // As of one in the store: a run has no tools, and that is known beforehand.
        ...(descriptor === candidate.descriptor && isRun && { tools: [] }),
      };
      return { evidence, pack };
    };
    const { evidence, pack } = await gather(candidate);
    const evaluation = await this.#evaluation(policies, pack, evidence, signal);
    const verdict = await evaluateWithDependencies(evaluation, {
      signal,
      gather: async ({ uri, digest }) => {
        const { source } = candidate;
        if (digest === undefined || source.resolve === undefined) return undefined;
        // Looked for where the pack is: a copy brings what it was made from along, or it cannot be judged.
        const descriptor = await source.resolve(digest, { signal }).catch((error: unknown) => {
          if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NOT_FOUND")
            return undefined;
          throw error;
        });
        if (descriptor === undefined) return undefined;
        const { name: _, ...elsewhere } = candidate;
        const one = await gather({ ...elsewhere, uri, descriptor });
        others.push(one.evidence);
        return { pack: one.pack, verified: one.evidence.verified, refused: one.evidence.refused };
      },
    });
    return await this.#judgement({ verdict, evidence, evaluation, others }, inForce);
  }

  /** Packs that were made here are this user's own; others need an acceptance by the same policies, or proofs. */
  async judgeStored(
    store: Store,
    record: PackRecord,
    signal: AbortSignal,
    asked?: AskedFor,
  ): Promise<CtxPackError | undefined> {
    const proofs = await store.proofs(record.uri);
    if (isMadeHere(record, proofs)) return undefined;
    const { policies, locks } = await this.#inForce.read(signal);
    const digests = digestsOf(policies);
    const isAccepted = proofs?.acceptances.some((one) => isGood(one, digests)) === true;
    // An acceptance says nothing of a pin, nor of what the name led to before.
    const isMore = asked?.name !== undefined || locks.some(({ packs }) => packs.has(record.uri));
    if (isAccepted && !isMore) return undefined;
    const judgement = await this.storedVerdict(store, record, { proofs, asked }, signal);
    const refusal = refusalOf(judgement);
    if (refusal !== undefined) return refusal;
    const { verdict, evaluation } = judgement;
    if (asked?.name !== undefined) await this.#remember(verdict, signal);
    if (isAccepted) return undefined;
    const pantry = evaluation.pack.pantry;
    const acceptance = {
      policies: digestsOf(evaluation.policies),
      bundles: verdict.bundles,
      manifest: record.manifest.digest,
      ...(pantry !== undefined && { pantry }),
      at: evaluation.now.toISOString(),
      ...untilOf(verdict, evaluation),
    };
    // A store that cannot be written is asked again the next time.
    await store
      .keepProofs(record.uri, { acceptances: [acceptance] }, { signal })
      .catch(() => false);
    return undefined;
  }

  /** What the policies say of a pack in the store, by the proofs that are kept with it. */
  async storedVerdict(
    store: Store,
    record: PackRecord,
    { proofs, asked }: { proofs: KeptProofs | undefined; asked?: AskedFor | undefined },
    signal: AbortSignal,
  ): Promise<Judgement> {
    const { evaluateWithDependencies } = await import("@ctxpack/proof");
    const inForce = await this.#inForce.open(signal);
    const { policies, material } = inForce;
    const { evidence, pack } = await evidenceIn(store, record, proofs, { material, signal });
    const named = asked?.name === undefined ? pack : namedPack(pack, asked);
    const evaluation = await this.#evaluation(policies, named, evidence, signal);
    const others: Evidence[] = [];
    const verdict = await evaluateWithDependencies(evaluation, {
      signal,
      gather: async ({ uri, digest }) => {
        const made = await store.get(uri);
        if (made === undefined || made.partial || made.manifest.digest !== digest) return undefined;
        const ofIt = await store.proofs(made.uri);
        const one = await evidenceIn(store, made, ofIt, { material, signal }).catch(unlessDamaged);
        if (one === undefined) return undefined;
        others.push(one.evidence);
        return { pack: one.pack, verified: one.evidence.verified, refused: one.evidence.refused };
      },
    });
    return await this.#judgement({ verdict, evidence, evaluation, others }, inForce);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#seen?.[Symbol.dispose]();
    await this.#inForce[Symbol.asyncDispose]();
  }

  /** As `verdictOf`, and what signers said of the contract is held against it: it is fetched once they are accepted. */
  async wholeVerdict(
    candidate: Candidate,
    signal: AbortSignal,
  ): Promise<Pick<Judgement, "verdict" | "lacked">> {
    const judgement = await this.#verdictOf(candidate, signal);
    if (!judgement.verdict.accepted) return judgement;
    const { source, manifest } = candidate;
    const bytes = await configBytes(source, manifest, signal);
    return { verdict: (await knowing(judgement, manifest.kind))(bytes), lacked: undefined };
  }

  async #judge(candidate: Candidate, signal: AbortSignal): Promise<Accepted> {
    const { requireAccepted } = await import("@ctxpack/proof");
    const judgement = await this.#verdictOf(candidate, signal);
    const { verdict, evidence, evaluation, lacked } = judgement;
    if (lacked !== undefined) throw lacked;
    requireAccepted(verdict);
    await this.#remember(verdict, signal);
    const verdictKnowing = await knowing(judgement, candidate.manifest.kind);
    return {
      policies: digestsOf(evaluation.policies),
      bundles: verdict.bundles,
      ...(candidate.place !== undefined && { pantry: candidate.place }),
      ...untilOf(verdict, evaluation),
      proofs: verdict.bundles.flatMap((digest) => evidence.bytes.get(digest) ?? []),
      config: (config) => requireAccepted(verdictKnowing(config)),
    };
  }

  /** The verdict under the pins, too, and whether a trust root is to blame. */
  async #judgement(
    judged: Pick<Judgement, "verdict" | "evidence" | "evaluation"> & {
      readonly others: readonly Evidence[];
    },
    { locks, material }: Opened,
  ): Promise<Judgement> {
    const hold = await holdToPins(locks, this.#isConfigured);
    const lacked = lackedRoot({ ...judged, unavailable: material.unavailable });
    return { ...judged, verdict: hold(judged.verdict), hold, lacked };
  }

  async #evaluation(
    policies: Evaluation["policies"],
    pack: JudgedPack,
    { verified, refused }: Evidence,
    signal: AbortSignal,
  ): Promise<Evaluation> {
    const seen = await this.#seenTimes(signal);
    return { policies, pack, verified, refused, now: new Date(), seen, lock: this.#lock };
  }

  async #remember(verdict: Verdict, signal: AbortSignal): Promise<void> {
    if (verdict.seen.length === 0) return;
    await (await this.#seenTimes(signal))?.record(verdict.seen, { signal });
  }

  /** In the store, which has to be there first; one that cannot be written remembers nothing. */
  async #seenTimes(signal: AbortSignal): Promise<SeenTimesFile | undefined> {
    if (!(await this.#session.openStore(signal)).writable) return undefined;
    const { SeenTimesFile } = await import("@ctxpack/proof");
    this.#seen ??= await SeenTimesFile.open(seenFile(this.#session.config), { signal });
    return this.#seen;
  }
}

/** What was decided, and by what. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly evidence: Evidence;
  readonly evaluation: Evaluation;
  /** Holds another verdict of the same evidence to the pins. */
  readonly hold: Hold;
  /** Why a trust root is not to be had on which a refusal hangs. */
  readonly lacked: CtxPackError | undefined;
}

/** Why a pack does not count; `undefined` for one that does. */
function refusalOf({ verdict, lacked }: Judgement): CtxPackError | undefined {
  const { failure, pack } = verdict;
  if (failure === undefined) return undefined;
  const { code, message, hint } = failure;
  return lacked ?? new CtxPackError(code, message, { hint, details: { uri: pack.uri, verdict } });
}

/** A pack of the store as one that a pantry's name led to. */
function namedPack(pack: JudgedPack, { name, place }: AskedFor): JudgedPack {
  return { ...pack, ...(name && { name }), ...(place !== undefined && { pantry: place }) };
}

/** What the store holds to judge a pack by. */
async function evidenceIn(
  store: Store,
  record: PackRecord,
  proofs: KeptProofs | undefined,
  { material, signal }: { readonly material: Material; readonly signal: AbortSignal },
): Promise<{ readonly evidence: Evidence; readonly pack: JudgedPack }> {
  const found = await weigh(kept(proofs?.bundles ?? []), material, signal);
  const { kind, bytes } = await configOf(store, record, signal);
  const evidence = { ...found, ...(await claimsOf(found)).holdTo(kind, bytes) };
  const pantry = proofs?.acceptances.findLast((one) => one.pantry !== undefined)?.pantry;
  const pack = {
    manifest: record.manifest.digest,
    uri: record.uri,
    ...(pantry !== undefined && { pantry }),
    tools: toolsOf(kind, bytes),
  };
  return { evidence, pack };
}

/** The verdict once the config is known: without the proofs that lie about it, and by its tools. */
async function knowing(
  judgement: Judgement,
  kind: PackKind,
): Promise<(config: Uint8Array) => Verdict> {
  const { evaluate } = await import("@ctxpack/proof");
  const { verdict, evidence, evaluation, hold } = judgement;
  const claims = await claimsOf(evidence);
  // They have been judged: where the claims turn out true, it is by the same rule again.
  const used = claims.usedBy(verdict.bundles);
  const dependencies = new Map(used.map((digest) => [digest as string, true]));
  return (config) => {
    const pack = { ...evaluation.pack, tools: toolsOf(kind, config) };
    const held = claims.holdTo(kind, config);
    const knowingly = hold(evaluate({ ...evaluation, ...held, pack, dependencies }));
    const lie = held.refused.find(
      ({ code, digest }) =>
        code === "CTXPACK_E_PROOF_CONTRACT" && digest && verdict.bundles.includes(digest),
    );
    // Who lied is more to the point than that no rule is about what is left.
    return knowingly.accepted || lie === undefined
      ? knowingly
      : { ...knowingly, failure: { code: lie.code, message: lie.message } };
  };
}

function canList(source: Candidate["source"]): source is Candidate["source"] & ReferrerLister {
  return source.referrers !== undefined;
}

async function configOf(
  store: Store,
  { uri }: PackRecord,
  signal: AbortSignal,
): Promise<{ readonly kind: PackKind; readonly bytes: Uint8Array }> {
  const manifest = parsePackManifest((await store.manifest(uri, { signal })).bytes);
  return { kind: manifest.kind, bytes: await configBytes(store.blobs, manifest, signal) };
}
