import { statSync } from "node:fs";
import { resolve } from "node:path";
import type {
  CheckReport,
  CollectReport,
  CollectOptions as CollectStoreOptions,
  PackRecord,
  SeedResult,
  SizesOptions,
  StoredSize,
} from "@ctxpack/cache";
import type { Entry } from "@ctxpack/cache/pack";
import { CtxPackError, type CtxUri, type Resolution } from "@ctxpack/identity";
import type { CredentialProvider } from "@ctxpack/oci/remote";
import type { MetricsSink } from "@ctxpack/proof";
import { cat } from "./cat.ts";
import { type CheckStoreOptions, checkStore } from "./check.ts";
import type { CollectOptions, CollectResult } from "./collect/collect.ts";
import { type Env, loadConfig } from "./config.ts";
import { checkConcurrency } from "./config-file.ts";
import { type CopyOptions, type CopyResult, copyPacks } from "./copy.ts";
import { type DiffOptions, type DiffResult, difference } from "./difference.ts";
import type { Finding } from "./doctor/finding.ts";
import { type ExistsResult, exists } from "./exists.ts";
import { identifySubject } from "./find.ts";
import { identify, identifyLegacy } from "./identify.ts";
import { entries, type FromOptions, inspect, type PackDescription } from "./inspect.ts";
import type { LegacyDescription } from "./legacy/inspect.ts";
import type { LegacyPullResult } from "./legacy/pull.ts";
import type { ContractLike } from "./load-contract.ts";
import { type LoginOptions, type LoginResult, type LogoutResult, login, logout } from "./login.ts";
import { type Lookup, lookUpContract } from "./lookup.ts";
import { MapRun } from "./map/map-run.ts";
import type { MapOptions } from "./map/options.ts";
import {
  type Memoizable,
  type Memoized,
  type MemoizeOptions,
  remember,
} from "./memoize/remember.ts";
import { type PullOptions, type PullResult, pull } from "./pull.ts";
import { type PushOptions, type PushResult, push } from "./push.ts";
import type { RecheckOptions, RecheckResult } from "./recheck/recheck.ts";
import {
  type AddRemoteOptions,
  addRemote,
  listRemotes,
  type Remote,
  removeRemote,
} from "./remotes.ts";
import type { ReportOptions, StoreReport } from "./report/report.ts";
import type { IdentifyOptions } from "./resolve.ts";
import type { Compute, GetOrComputeResult } from "./run/get-or-compute.ts";
import type { GetOptions } from "./run/options.ts";
import type { RunOptions, RunResult } from "./run/run.ts";
import type { SearchHit } from "./search/facts.ts";
import type { SearchQuery } from "./search/query.ts";
import type { SearchOptions } from "./search/search.ts";
import { type SeedOptions, seed } from "./seed.ts";
import { Session } from "./session.ts";
import type { StatusOptions, StatusResult } from "./status/status.ts";
import { type TagOptions, type TagResult, tag } from "./tag.ts";
import { Traces } from "./traces/traces.ts";
import { type AttestOptions, type AttestResult, attest } from "./trust/attest.ts";
import {
  type ExplainedPack,
  type ExplainPolicyOptions,
  explainPack,
  explainPolicies,
} from "./trust/explain.ts";
import { type Accept, gateOf } from "./trust/gate.ts";
import { pinOfPolicy, readPolicyFile } from "./trust/policy-pin.ts";
import { type VerifyOptions, type VerifyResult, verify } from "./trust/verify.ts";
import type { WhyOptions, WhyResult } from "./why/why.ts";
import { type WorkOptions, workOf } from "./work.ts";

export interface OpenOptions {
  /** Where the store lies; wins over environment and configuration files. */
  readonly cacheDir?: string | undefined;
  /** Where packs are looked for and pushed to, first one first; wins like `cacheDir`. */
  readonly pantries?: readonly string[] | undefined;
  /** Default `process.env`. */
  readonly env?: Env | undefined;
  /** What relative paths count from. Default `process.cwd()`. */
  readonly cwd?: string | undefined;
  /** A policy file that every pack has to satisfy, beside those of configuration and environment. */
  readonly policy?: string | undefined;
  /** The sha256 in hex that the file `policy` has to have: who can write to it cannot loosen it. */
  readonly policySha256?: string | undefined;
  /** The gate every pack of a pantry has to pass in place of policies; throws CTXPACK_E_POLICY to keep one out. */
  readonly accept?: Accept | undefined;
  /** Asked for the credentials of a registry before docker's and podman's configuration. */
  readonly credentials?: CredentialProvider | undefined;
  /** Never ask a registry; wins like `cacheDir`. */
  readonly offline?: boolean | undefined;
  /** Blobs in flight at a time, 1 to 64; 8 with a registry and 4 with a folder unless configured. */
  readonly concurrency?: number | undefined;
  /** Takes one sentence a person should read although nothing failed. Default: nobody is told. */
  readonly warn?: ((text: string) => void) | undefined;
  /**
   * Let the calling thread do a share of the work on large packs, in long steps: for a process that has nothing else
   * to do meanwhile. Without it other threads do that work, and the event loop stays free.
   */
  readonly blocking?: boolean | undefined;
  /** Takes measurements of verifying and signing proofs, and of trust roots. */
  readonly metrics?: MetricsSink | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Seeds, pushes and pulls packs by URI: one store, the configured pantries, and what composes them.
 * Wherever a pack is asked for, `subject` is a URI, the first digits of one that is in the store (at
 * least 6), or a tag in a pantry (`oci:DIR:TAG`, `host/repository:TAG`).
 *
 * @example
 * await using ctx = await CtxPack.open();
 * const { record } = await ctx.seed("./index", { contract: "contract.yaml" });
 * await ctx.push(record.uri, { to: "oci:./pantry" });
 */
export class CtxPack implements AsyncDisposable {
  /** Recorded runs of agents. */
  readonly traces: Traces;
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
    this.traces = new Traces(session);
  }

  /** Reads the configuration; the store is opened when something needs it. Throws CTXPACK_E_CONFIG. */
  static async open(options: OpenOptions = {}): Promise<CtxPack> {
    const env = options.env ?? process.env;
    const cwd = resolve(options.cwd ?? process.cwd());
    const { signal, accept } = options;
    signal?.throwIfAborted();
    const loaded = loadConfig({ cwd, env });
    const pantries = options.pantries?.map((address) => ({ address, baseDir: cwd }));
    const { concurrency, offline } = options;
    if (concurrency !== undefined) checkConcurrency(concurrency, "concurrency");
    const config = {
      ...loaded,
      ...(concurrency !== undefined && { concurrency }),
      ...(offline !== undefined && { offline }),
      ...(options.cacheDir !== undefined && { cacheDir: resolve(cwd, options.cacheDir) }),
      ...(pantries && { pantries }),
      ...(options.policy !== undefined && {
        policies: [...new Set([...loaded.policies, resolve(cwd, options.policy)])],
      }),
    };
    for (const file of accept ? [] : config.policies) requirePolicy(file);
    const policyPin = pinOfPolicy(options, cwd);
    if (policyPin !== undefined) await readPolicyFile(policyPin.file, policyPin, signal);
    const { credentials, warn = () => {}, blocking } = options;
    return new CtxPack(
      new Session({
        config,
        cwd,
        env,
        gate: accept && gateOf(accept),
        blocking,
        credentials,
        metrics: options.metrics,
        policyPin,
        warn,
      }),
    );
  }

  /** The store's folder. */
  get cacheDir(): string {
    return this.#session.config.cacheDir;
  }

  /** Resolves a contract to its canonical bytes and URI. */
  async uri(contract: ContractLike, options: IdentifyOptions = {}): Promise<Resolution> {
    return await identify(this.#session, contract, options);
  }

  /** The URI the first prototype gave a contract file: to read its packs, never for new ones. */
  async legacyUri(file: string, options: WorkOptions = {}): Promise<CtxUri> {
    return await identifyLegacy(this.#session, file, options);
  }

  /** Looks for the result of a contract in the store, then in each configured pantry. */
  async resolve(contract: ContractLike, options: IdentifyOptions = {}): Promise<Lookup> {
    return await lookUpContract(this.#session, contract, options);
  }

  /**
   * Puts the result of a contract where its outputs are: from the store, else from a pantry that is believed, else by
   * running its command, by one process of the store at a time. Throws CTXPACK_E_COMMAND and CTXPACK_E_TIMEOUT when
   * the command fails; `details.child` of any error says how it ended.
   */
  async run(options: RunOptions): Promise<RunResult> {
    const { run } = await import("./run/run.ts");
    return await run(this.#session, options);
  }

  /** The same with a function in place of a command: it gets an empty folder, and what it leaves there is the output. */
  async getOrCompute(
    contract: ContractLike,
    compute: Compute,
    options: GetOptions = {},
  ): Promise<GetOrComputeResult> {
    const { getOrCompute } = await import("./run/get-or-compute.ts");
    return await getOrCompute(this.#session, contract, compute, options);
  }

  /**
   * Computes one result for every file of an input (`docs/*.pdf`, `NAME=docs/*.pdf`, or the name of an input of
   * `options.contract`), by a command or a function, and puts all of them where they belong: what any earlier map has
   * computed is not computed again. Iterate it for the items as they become known, await its `result()` for the pack.
   * Throws CTXPACK_E_COMMAND for an item that fails unless `keepGoing`; the others stay known in any case.
   */
  map(items: string, options: MapOptions): MapRun {
    return new MapRun(this.#session, items, options);
  }

  /**
   * Runs the command of a contract again and compares what it makes with the stored output, which stays as it is. What
   * comes of it is kept beside the pack (`inspect`). Throws CTXPACK_E_NOT_FOUND when there is nothing to compare with.
   */
  async recheck(options: RecheckOptions): Promise<RecheckResult> {
    const { recheck } = await import("./recheck/recheck.ts");
    return await recheck(this.#session, options);
  }

  /**
   * Makes a function over JSON or bytes that remembers: each call is a contract, and what it returns a pack of the
   * store. Equal calls at the same time run once; what throws is not remembered. Throws CTXPACK_E_CONTRACT for a name
   * that makes no contract; the function throws CTXPACK_E_USAGE for an input or a result that is neither.
   */
  memoize<In, Out>(fn: Memoizable<In, Out>, options: MemoizeOptions): Memoized<In, Out> {
    return remember(this.#session, fn, options);
  }

  /** Puts a folder into the store as the output of a contract. */
  async seed(dir: string, options: SeedOptions): Promise<SeedResult> {
    return await seed(this.#session, dir, options);
  }

  /** Sends a pack of the store to a pantry. CTXPACK_E_CONFLICT when it holds another output. */
  async push(subject: string, options: PushOptions = {}): Promise<PushResult> {
    return await push(this.#session, subject, options);
  }

  /**
   * Gets a pack from the store, else from a pantry, and hands out its folder. A v0 pack can only be copied
   * (`to`): the result then has `profile: "v0"` and no `record`.
   */
  async pull(subject: string, options: PullOptions = {}): Promise<PullResult | LegacyPullResult> {
    return await pull(this.#session, subject, options);
  }

  /** Says where a pack can be had. */
  async exists(subject: string, options: FromOptions = {}): Promise<ExistsResult> {
    return await exists(this.#session, subject, options);
  }

  /** Describes a pack from its manifest, contract and index; reads no data. */
  async inspect(
    subject: string,
    options: FromOptions = {},
  ): Promise<PackDescription | LegacyDescription> {
    return await inspect(this.#session, subject, options);
  }

  /** The entries of a pack, sorted bytewise by path. */
  async entries(subject: string, options: FromOptions = {}): Promise<Iterable<Entry>> {
    return await entries(this.#session, subject, options);
  }

  /** The bytes of one file of a pack. */
  cat(subject: string, path: string, options: FromOptions = {}): AsyncIterable<Uint8Array> {
    return cat(this.#session, subject, path, options);
  }

  /** Compares two contracts, each a contract file or a pack, and with `outputs` their files. */
  async diff(a: string, b: string, options: DiffOptions = {}): Promise<DiffResult> {
    return await difference(this.#session, a, b, options);
  }

  /**
   * Explains why there is no result for a contract, the one in the working directory if none is given: what differs
   * from the nearest contract that is known. Of variables only names are told.
   */
  async why(contract?: ContractLike, options: WhyOptions = {}): Promise<WhyResult> {
    const { why } = await import("./why/why.ts");
    return await why(this.#session, contract, options);
  }

  /** Says of each contract of a project whether its result is there, stale and why, or was never made. */
  async status(options: StatusOptions = {}): Promise<StatusResult> {
    const { status } = await import("./status/status.ts");
    return await status(this.#session, options);
  }

  /** Points a channel at a pack in a pantry. */
  async tag(subject: string, channel: string, options: TagOptions = {}): Promise<TagResult> {
    return await tag(this.#session, subject, channel, options);
  }

  /** Copies whole packs between pantries and `oci-archive:` files. */
  async copy(from: string, to: string, options: CopyOptions = {}): Promise<CopyResult> {
    return await copyPacks(this.#session, from, to, options);
  }

  /** Shows a registry an account, and keeps it as `docker login` does if the registry takes it. */
  async login(host: string, options: LoginOptions): Promise<LoginResult> {
    return await login(this.#session, host, options);
  }

  /** Forgets the account of a registry. */
  async logout(host: string, options: WorkOptions = {}): Promise<LogoutResult> {
    return await logout(this.#session, host, options);
  }

  /** The pantries that are configured. */
  remotes(): readonly Remote[] {
    return listRemotes(this.#session);
  }

  /** Names a pantry in the user's configuration. */
  async addRemote(name: string, address: string, options: AddRemoteOptions = {}): Promise<Remote> {
    return await addRemote(this.#session, name, address, options);
  }

  /** Takes a pantry's name out of the user's configuration. */
  async removeRemote(name: string, options: WorkOptions = {}): Promise<void> {
    await removeRemote(this.#session, name, options);
  }

  /** Finds what nothing in a pantry needs any more; with `apply` it is removed. */
  async collect(pantry: string, options: CollectOptions = {}): Promise<CollectResult> {
    const { collect } = await import("./collect/collect.ts");
    return await collect(this.#session, pantry, options);
  }

  /**
   * Finds what the store can do without: what no pack needs, packs that were not used for as long as asked, and what
   * was used longest ago while it is over its budget. With `apply` it is removed, and so are trust roots that nobody used
   * for 30 days.
   */
  async collectStore(options: CollectStoreOptions = {}): Promise<CollectReport> {
    const { collectStore } = await import("./collect/store.ts");
    return await collectStore(this.#session, options);
  }

  /** What packs take in the store, those together for which `by` gives one key; each alone without it. */
  async sizes(options: SizesOptions & WorkOptions = {}): Promise<readonly StoredSize[]> {
    const { signal } = workOf(options);
    return (await this.#session.store(signal)).sizes({ by: options.by, signal });
  }

  /**
   * Gathers what is known of the store and of a project's contracts: packs and what they are from, disk, hits, misses,
   * trust, what is not deterministic. `reportPage` of `@ctxpack/client/report` makes a page of it.
   */
  async report(options: ReportOptions = {}): Promise<StoreReport> {
    const { report } = await import("./report/report.ts");
    return await report(this.#session, options);
  }

  /** Looks at everything a pull or push depends on. */
  async doctor(options: WorkOptions = {}): Promise<readonly Finding[]> {
    const { doctor } = await import("./doctor/doctor.ts");
    return await doctor(this.#session, options);
  }

  /** The packs of the store, as they are shown: what the store knows of its records without opening each. */
  async *list(options: WorkOptions = {}): AsyncIterable<PackRecord> {
    const { signal } = workOf(options);
    yield* (await this.#session.store(signal)).overview({ signal });
  }

  /**
   * Packs and traces that match, one after the other: of the store, the last used first; with `from` of that pantry,
   * with a tag of every configured one. Policies are asked before a pack is told of. Throws CTXPACK_E_USAGE.
   */
  async *search(query: SearchQuery, options: SearchOptions = {}): AsyncIterable<SearchHit> {
    const { search } = await import("./search/search.ts");
    yield* search(this.#session, query, options);
  }

  /**
   * Looks for damage in the whole store; with `repair` puts it right, with what pantries have. A pack that nobody has
   * is `lost` then, and no hit any more.
   */
  async fsck(options: CheckStoreOptions = {}): Promise<CheckReport> {
    return await checkStore(this.#session, options);
  }

  /**
   * Signs what the store says of how a pack was made; with `to` for the manifest that a pantry has, and attaches the
   * proof there. Throws CTXPACK_E_NOT_FOUND, _CONFLICT, _KEY_FILE, and _AUTH without an identity to sign for.
   */
  async attest(subject: string, options: AttestOptions): Promise<AttestResult> {
    return await attest(this.#session, subject, options);
  }

  /** What each policy in force takes, in sentences. Throws CTXPACK_E_USAGE when none is. */
  async explainPolicy(
    options: ExplainPolicyOptions = {},
  ): Promise<readonly { readonly file: string; readonly text: string }[]> {
    return await explainPolicies(this.#session, options);
  }

  /** Why the policies in force take a pack or do not, in sentences. Throws CTXPACK_E_NOT_FOUND. */
  async explainPack(subject: string, options: FromOptions = {}): Promise<ExplainedPack> {
    return await explainPack(this.#session, subject, options);
  }

  /**
   * Hashes every blob and every materialised file of a pack in the store; where policies are in force or a key or
   * identity is named, also checks who vouches for it. Damage is in the result; throws CTXPACK_E_NOT_FOUND, and
   * CTXPACK_E_POLICY or CTXPACK_E_PROOF_… for a pack that is refused.
   */
  async verify(subject: string, options: VerifyOptions = {}): Promise<VerifyResult> {
    return await verify(this.#session, subject, options);
  }

  /** Takes a pack out of the store. */
  async remove(subject: string, options: WorkOptions = {}): Promise<CtxUri> {
    const { store, uri } = await this.#inStore(subject, options);
    await store.remove(uri, { signal: workOf(options).signal });
    return uri;
  }

  /** Keeps a pack in the store whatever happens. */
  async pin(subject: string, options: WorkOptions = {}): Promise<CtxUri> {
    const { store, uri } = await this.#inStore(subject, options);
    await store.pin(uri);
    return uri;
  }

  /** Lets a pinned pack go again. */
  async unpin(subject: string, options: WorkOptions = {}): Promise<CtxUri> {
    const { store, uri } = await this.#inStore(subject, options);
    await store.unpin(uri);
    return uri;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }

  async #inStore(subject: string, options: WorkOptions) {
    const work = workOf(options);
    const { uri } = await identifySubject(this.#session, subject, work);
    return { store: await this.#session.store(work.signal), uri };
  }
}

/** One that was mistyped must not wait to be noticed until a pack is found. */
function requirePolicy(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.isFile()) return;
  throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `there is no policy ${file}`, {
    hint: "it is named by --policy, CTXPACK_POLICY, or /policy in a configuration file",
    details: { file },
  });
}
