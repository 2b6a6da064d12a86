import type { Claim, PackRecord, RunLog, SeedOptions, SeedResult, Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri, type Resolution, refuseSecrets } from "@ctxpack/identity";
import { isDamage } from "../damage.ts";
import { identifyLoaded } from "../identify.ts";
import type { LoadedContract } from "../load-contract.ts";
import type { Miss } from "../lookup.ts";
import type { PushResult } from "../push.ts";
import type { IdentifyLoadedOptions } from "../resolve.ts";
import type { Session } from "../session.ts";
import { type Making, noteMaking } from "../trust/made-here.ts";
import { isRefusedHere } from "../trust/refused-here.ts";
import { labelsOf } from "../why/nearest.ts";
import { missReason } from "../why/reason.ts";
import { type Work, workOf } from "../work.ts";
import { Circuit } from "./circuit.ts";
import { type ChildFacts, withChild } from "./failure.ts";
import { type FoundResult, findLocal, findRemote } from "./find-result.ts";
import { InputWatch } from "./input-watch.ts";
import { type GetOptions, type Mode, modeOf } from "./options.ts";
import type { Layout } from "./outputs.ts";
import { pushResult } from "./push-result.ts";
import { singleFlight } from "./single-flight.ts";

/** A pack that results were taken from. */
interface ReusedResults {
  readonly uri: CtxUri;
  readonly items: number;
}

/** An output that was made, and that nobody has yet. */
export interface Made {
  readonly child?: ChildFacts;
  /** A folder laid out as the pack will be. Throws when the output is not what it should be. */
  collect?(): Promise<Layout>;
  /** Makes the pack, where that is not one of a folder. */
  seed?(contract: Uint8Array, options: SeedOptions): Promise<SeedResult>;
  /** Packs that results were taken from. */
  reused?(): readonly ReusedResults[];
  /** What was printed on the way. */
  log?(record: PackRecord): RunLog;
  /** It is not stored after all: what was there before comes back. */
  undo(): Promise<void>;
}

/** What makes the output of a contract, and what is done with it. */
export interface Maker<Placed> {
  readonly loaded: LoadedContract;
  /** What the contract is resolved to, where it does not say everything itself. */
  resolve?(options: IdentifyLoadedOptions): Promise<Resolution>;
  /** Called when the contract is known to make sense, and before anything is looked for. */
  resolved?(): Promise<void>;
  /** Computes. A failure of its own leaves everything as it was. */
  make(job: {
    readonly store: Store;
    readonly claim: Claim | undefined;
    readonly mode: Mode;
    readonly circuit: Circuit;
    /** Knows what the inputs were resolved to. */
    readonly watch: InputWatch;
    readonly work: Work;
  }): Promise<Made>;
  /** Hands out what is in the store; `isThere` when it was made a moment ago, where it is wanted. */
  place(store: Store, uri: CtxUri, work: Work, isThere?: boolean): Promise<Placed>;
}

/** A result, and how it came. */
export interface Got<Placed> {
  readonly uri: CtxUri;
  /** Nothing was computed. */
  readonly hit: boolean;
  /** `store`, `computed`, or the address of the pantry it came from. */
  readonly source: string;
  readonly record: PackRecord;
  readonly placed: Placed;
  /** How the command ended that was run. */
  readonly child?: ChildFacts;
  /** What the command printed that made it, when that was on this machine. */
  readonly log?: RunLog;
  readonly pushed?: PushResult;
  /** The pantry whose other output was taken in place of our own. */
  readonly kept?: string;
}

/**
 * Gets the output of a contract, or has it computed: by one process of a store at a time. Nothing is stored but what
 * was made whole, from inputs that did not change meanwhile.
 */
export async function getOrMake<Placed>(
  session: Session,
  maker: Maker<Placed>,
  options: GetOptions,
): Promise<Got<Placed>> {
  const work = workOf(options);
  const mode = modeOf(session, options);
  const { contract, file, locate } = maker.loaded.parsed;
  refuseSecrets(contract, { allow: options.allowSecret, file, locate });
  const watch = new InputWatch();
  const identifying: IdentifyLoadedOptions = {
    ...work,
    statCache: options.statCache,
    observe: (known) => watch.observe(known),
  };
  const resolution =
    (await maker.resolve?.(identifying)) ??
    (await identifyLoaded(session, maker.loaded, identifying));
  watch.expect(resolution.packs);
  await maker.resolved?.();
  const into = mode.writeLocal ? session : await session.aside();
  const circuit = new Circuit(session, options.requireRemote === true);
  const getting = new Getting(session, into, maker, { options, mode, circuit, resolution, watch });
  return await getting.get(work);
}

/** One result on its way. */
class Getting<Placed> {
  readonly #session: Session;
  /** Its store takes the result. */
  readonly #into: Session;
  readonly #maker: Maker<Placed>;
  readonly #options: GetOptions;
  readonly #mode: Mode;
  readonly #circuit: Circuit;
  readonly #resolution: Resolution;
  readonly #watch: InputWatch;

  constructor(
    session: Session,
    into: Session,
    maker: Maker<Placed>,
    facts: {
      readonly options: GetOptions;
      readonly mode: Mode;
      readonly circuit: Circuit;
      readonly resolution: Resolution;
      readonly watch: InputWatch;
    },
  ) {
    this.#session = session;
    this.#into = into;
    this.#maker = maker;
    this.#options = facts.options;
    this.#mode = facts.mode;
    this.#circuit = facts.circuit;
    this.#resolution = facts.resolution;
    this.#watch = facts.watch;
  }

  async get(work: Work): Promise<Got<Placed>> {
    const { frozen, force, onEvent } = this.#options;
    const found = force ? [] : await this.#find(work);
    if ("record" in found) {
      const got = await this.#handOut(found, work);
      if (got !== undefined) return await this.#push(got, work);
    }
    const reason = await this.#reason("record" in found ? [] : found, work);
    if (frozen) {
      throw new CtxPackError(
        "CTXPACK_E_NOT_FOUND",
        `${this.#uri} is a miss: ${[this.#lookedIn(), reason.replaceAll("\n", "; ")].join("; ")}`,
        {
          hint: "without --frozen it is computed",
          details: { uri: this.#uri },
        },
      );
    }
    onEvent?.({ kind: "miss", uri: this.#uri, reason });
    return await this.#push(await this.#compute(work), work);
  }

  get #uri(): CtxUri {
    return this.#resolution.uri;
  }

  /** A result that may be used, or why there is none. */
  async #find(work: Work): Promise<FoundResult | readonly Miss[]> {
    const { readLocal, readRemote } = this.#mode;
    const misses: Miss[] = [];
    if (readLocal) {
      const found = await findLocal(this.#session, this.#uri, work.signal);
      if (found && "record" in found) return found;
      if (found) misses.push(found);
    }
    if (!readRemote) return misses;
    const { onUntrusted } = this.#options;
    const search = { circuit: this.#circuit, into: this.#into, onUntrusted };
    const found = await findRemote(this.#session, this.#uri, search, work);
    return "record" in found ? found : [...misses, ...found];
  }

  /** `undefined` for a pack that turns out damaged: it is none any more. */
  async #handOut(found: FoundResult, work: Work): Promise<Got<Placed> | undefined> {
    const { store, record, source } = found;
    try {
      const placed = await this.#maker.place(store, this.#uri, work);
      const log = await store.log(this.#uri);
      return { uri: this.#uri, hit: true, source, record, placed, ...(log && { log }) };
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#session.warn(`${error.message}; it counts as a miss`);
      return undefined;
    }
  }

  #lookedIn(): string {
    const { readLocal, readRemote } = this.#mode;
    const pantries = readRemote ? this.#session.config.pantries : [];
    const places = [...(readLocal ? ["the store"] : []), ...pantries.map(({ address }) => address)];
    return places.length > 0 ? `not in ${places.join(", nor in ")}` : "nobody was asked";
  }

  async #reason(misses: readonly Miss[], work: Work): Promise<string> {
    if (this.#options.force) return "computed anew, as --force asks";
    const { readLocal, readRemote } = this.#mode;
    const reason = await missReason(this.#session, this.#resolution, work, {
      labels: labelsOf(this.#maker.loaded),
      onlyStore: !readRemote,
    });
    const special = misses
      .filter((miss) => miss.reason !== "not there")
      .map((miss) => `${miss.where}: ${miss.reason}`);
    if (!readLocal) special.push("the store was not asked, as --cache says");
    if (!readRemote) special.push("no pantry was asked, as --cache says");
    return [reason ?? "no contract like it is known", ...special].join("\n");
  }

  /** Computes it, or takes what another process of this store has computed meanwhile. */
  async #compute(work: Work): Promise<Got<Placed>> {
    const { signal } = work;
    for (;;) {
      const flight = await this.#takeOff(signal);
      if ("found" in flight) {
        const got = await this.#handOut(flight.found, work);
        if (got === undefined) continue;
        return got;
      }
      const { claim } = flight;
      try {
        const store = await this.#into.store(signal);
        const [mode, circuit, watch] = [this.#mode, this.#circuit, this.#watch];
        const made = await this.#maker.make({ store, claim, mode, circuit, watch, work });
        const got = await this.#keep(made, store, claim, work);
        if (got !== undefined) return got;
        this.#session.warn("another process took this over meanwhile; waiting for its result");
      } finally {
        // What is not given up is taken when we are gone.
        await claim?.release().catch(() => {});
      }
    }
  }

  /** Nobody waits for a result that others are not to have. */
  async #takeOff(
    signal: AbortSignal,
  ): Promise<{ readonly claim: Claim | undefined } | { readonly found: FoundResult }> {
    if (!this.#mode.writeLocal) return { claim: undefined };
    const { force, onEvent } = this.#options;
    const isShared = this.#mode.readLocal && !force;
    return await singleFlight(await this.#session.store(signal), this.#uri, {
      look: async () => {
        const found = isShared ? await findLocal(this.#session, this.#uri, signal) : undefined;
        return found && "record" in found ? found : undefined;
      },
      onWaiting: (pid) => onEvent?.({ kind: "waiting", uri: this.#uri, pid }),
      signal,
    });
  }

  /** Stores what was made; `undefined` when somebody else is at it, and it may be theirs as well as ours. */
  async #keep(
    made: Made,
    store: Store,
    claim: Claim | undefined,
    work: Work,
  ): Promise<Got<Placed> | undefined> {
    if (claim !== undefined && !claim.isHeld()) return undefined;
    try {
      const { record, isOurs } = await this.#store(made, store, work);
      const log = isOurs ? made.log?.(record) : undefined;
      if (log !== undefined) await store.keepLog(log);
      if (isOurs) await this.#noteMaking(made, store, record, log, work.signal);
      const placed = await this.#maker.place(store, this.#uri, work, isOurs);
      return {
        uri: this.#uri,
        hit: false,
        source: "computed",
        record,
        placed,
        ...(made.child && { child: made.child }),
        ...(log && { log }),
      };
    } catch (error) {
      await made.undo();
      throw withChild(error, made.child);
    }
  }

  async #noteMaking(
    made: Made,
    store: Store,
    record: PackRecord,
    log: RunLog | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const reused: NonNullable<Making["reused"]>[number][] = [];
    for (const { uri, items } of made.reused?.() ?? []) {
      const manifest = (await store.get(uri))?.manifest.digest;
      if (manifest !== undefined) reused.push({ uri, manifest, items });
    }
    const started = log === undefined ? undefined : new Date(log.startedAt);
    const making: Making = {
      kind: "run",
      reused,
      finishedOn: new Date(),
      ...(started && { startedOn: started }),
      ...(log && log.command.length > 0 && { command: log.command }),
    };
    const [session, resolution] = [this.#session, this.#resolution];
    const created = true;
    await noteMaking({ session, store, record, resolution, created }, making, signal);
  }

  async #store(
    made: Made,
    store: Store,
    work: Work,
  ): Promise<{ readonly record: PackRecord; readonly isOurs: boolean }> {
    const { loaded } = this.#maker;
    using layout = await made.collect?.();
    await this.#watch.requireUnchanged(this.#session, loaded, work.signal);
    const before = await store.get(this.#uri);
    const isRefused = await isRefusedHere(this.#session, store, this.#uri, work.signal);
    const seed: NonNullable<Made["seed"]> = async (contract, seeding) => {
      if (layout !== undefined) return await store.seed(layout.root, contract, seeding);
      if (made.seed === undefined) throw new RangeError("nothing makes the pack");
      return await made.seed(contract, seeding);
    };
    try {
      const { record, warnings } = await seed(this.#resolution.bytes, {
        ...work,
        ...labelsOf(loaded),
        ...(this.#options.fine && { profile: "fine" }),
        ...((this.#options.force || isRefused) && { replace: true }),
      });
      for (const warning of warnings) this.#session.warn(warning);
      if (before && !before.partial && !isRefused && before.tree !== record.tree) {
        this.#session.warn(
          `the output is not the one the store had: ${this.#uri} does not name all that decides it`,
        );
      }
      return { record, isOurs: true };
    } catch (error) {
      const there = await store.get(this.#uri);
      if (!CtxPackError.isInstance(error) || error.code !== "CTXPACK_E_CONFLICT" || !there) {
        throw error;
      }
      this.#session.warn(`${error.message}; it is kept in place of this one`);
      return { record: there, isOurs: false };
    }
  }

  /** Sends it to a pantry, if that was asked for, and takes the pantry's when that has another. */
  async #push(got: Got<Placed>, work: Work): Promise<Got<Placed>> {
    if (!this.#mode.push) return got;
    try {
      const shared = { circuit: this.#circuit, options: this.#options };
      const pushed = await pushResult(this.#into, this.#uri, shared, work);
      if (pushed.kept === undefined) return { ...got, ...pushed };
      const store = await this.#into.store(work.signal);
      const placed = await this.#maker.place(store, this.#uri, work);
      const record = (await store.get(this.#uri)) ?? got.record;
      const { log: _, ...rest } = got;
      return { ...rest, ...pushed, record, placed };
    } catch (error) {
      throw withChild(error, got.child);
    }
  }
}
