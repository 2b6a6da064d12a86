import { setTimeout as sleep } from "node:timers/promises";
import { CtxPackError, type Digest } from "@ctxpack/identity";
import { unlessAborted } from "@ctxpack/oci";
import type { MetricsSink } from "../metrics.ts";
import { RefreshBackoff } from "./backoff.ts";
import { importTrustRoot, readImported, readImportedBytes } from "./imported.ts";
import { type PinnedMirror, pinMirror, publicGoodMirror, type TrustMirror } from "./mirror.ts";
import { pruneTrustDirectory } from "./prune.ts";
import { refreshTrustRoot } from "./refresh.ts";
import { freshnessOf, statusOf, type TrustRootStatus } from "./status.ts";
import { type CachedState, type CacheReading, TrustCache } from "./trust-cache.ts";
import { parseTrustRoot, type TrustRoot } from "./trust-root.ts";

export interface TrustRootManagerOptions {
  /** The trust directory, as `trustDirectory` gives it. */
  readonly directory: string;
  /** Default: sigstore's public instance. */
  readonly mirror?: TrustMirror | undefined;
  /** For how long a trust root is used without asking whether there is a newer one, in milliseconds; 24 h. */
  readonly ttlMs?: number | undefined;
  /** No socket is opened, whatever happens. */
  readonly offline?: boolean | undefined;
  /** The digest that `import` gave: that trust root is used, and the mirror is not asked. */
  readonly imported?: Digest | undefined;
  readonly metrics?: MetricsSink | undefined;
}

interface Options {
  readonly signal?: AbortSignal | undefined;
}

interface Loaded extends CachedState {
  readonly root: TrustRoot;
}

const DAY_MS = 86_400_000;

/** A refresh that nobody waits for, and one that somebody does, in milliseconds. */
const BACKGROUND_MS = 10_000;
const BLOCKING_MS = 60_000;

/** A refresh in the background is waited for so long at the end. */
const FAREWELL_MS = 2000;

/**
 * A trust root that is published through TUF, and kept on disk: verified again from the pinned root at each start, used
 * without a request while it is fresh, renewed in the background when it is older, and not used at all when TUF says that
 * it has expired. Dispose it: what runs in the background is then waited for two seconds at most.
 */
export class TrustRootManager implements AsyncDisposable {
  readonly #options: TrustRootManagerOptions;
  #place: Promise<{ readonly mirror: PinnedMirror; readonly cache: TrustCache }> | undefined;
  #loaded: Loaded | undefined;
  #refreshing: Promise<Loaded> | undefined;
  #background: Promise<void> | undefined;
  readonly #stop = new AbortController();

  constructor(options: TrustRootManagerOptions) {
    this.#options = options;
  }

  /**
   * The trust root to verify with.
   *
   * @throws CtxPackError `CTXPACK_E_PROOF_TRUST_ROOT` when there is none that may be used: offline and absent or expired, or
   *   the mirror serves what is not signed rightly; what `request` throws when the mirror does not answer.
   */
  async get({ signal }: Options = {}): Promise<TrustRoot> {
    signal?.throwIfAborted();
    const { imported, directory } = this.#options;
    if (imported !== undefined) return readImported(directory, imported);
    const loaded = this.#loaded ?? (await this.#read());
    switch (loaded && freshnessOf(loaded, this.#ttlMs)) {
      case "fresh":
        this.#count("hit_count");
        return (loaded as Loaded).root;
      case "stale":
        this.#count("stale_served_count");
        if (!this.#options.offline) this.#refreshBehind();
        return (loaded as Loaded).root;
      default:
        this.#count("miss_count");
        if (this.#options.offline) throw await this.#unusable(loaded);
        return (await this.#refresh(signal)).root;
    }
  }

  /** Gets what the mirror publishes now, and waits for it. Throws as `get`; `CTXPACK_E_USAGE` offline. */
  async refresh({ signal }: Options = {}): Promise<TrustRoot> {
    signal?.throwIfAborted();
    if (this.#options.offline) {
      const message = "a trust root cannot be refreshed offline";
      throw new CtxPackError("CTXPACK_E_USAGE", message, { hint: "leave --offline out" });
    }
    // Another process may have got one meanwhile: newer than that is what is asked for.
    await this.#read();
    return (await this.#refresh(signal)).root;
  }

  /** What is kept, without asking anybody. */
  async status({ signal }: Options = {}): Promise<TrustRootStatus> {
    signal?.throwIfAborted();
    const { mirror, cache } = await this.#open();
    return statusOf(mirror, cache, this.#ttlMs);
  }

  /** The bytes of the trusted_root.json that `get` gives, for a machine without a network. Throws as `get`. */
  async export({ signal }: Options = {}): Promise<Uint8Array> {
    await this.get({ signal });
    const { imported, directory } = this.#options;
    return imported === undefined
      ? (this.#loaded as Loaded).state.target
      : readImportedBytes(directory, imported);
  }

  /**
   * Keeps a trusted_root.json that came by another way. It is used by who names the digest that is given back (`imported`),
   * never for lying there. Throws `CTXPACK_E_PROOF_TRUST_ROOT` if it is none, and what the disk says.
   */
  async import(bytes: Uint8Array, { signal }: Options = {}): Promise<Digest> {
    signal?.throwIfAborted();
    return importTrustRoot(this.#options.directory, bytes);
  }

  /** Forgets what was got from the mirror, here and on the disk. */
  async clear({ signal }: Options = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#loaded = undefined;
    await (await this.#open()).cache.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#background !== undefined) {
      const enough = new AbortController();
      const waited = sleep(FAREWELL_MS, undefined, { signal: enough.signal }).catch(() => {});
      await Promise.race([this.#background, waited]);
      enough.abort();
    }
    this.#stop.abort(new Error("the trust root manager was disposed"));
  }

  get #ttlMs(): number {
    return this.#options.ttlMs ?? DAY_MS;
  }

  #open(): Promise<{ readonly mirror: PinnedMirror; readonly cache: TrustCache }> {
    this.#place ??= (async () => {
      const mirror = pinMirror(this.#options.mirror ?? (await publicGoodMirror()));
      return { mirror, cache: new TrustCache(this.#options.directory, mirror) };
    })();
    return this.#place;
  }

  async #read(): Promise<Loaded | undefined> {
    const { mirror, cache } = await this.#open();
    const reading: CacheReading = await cache.read();
    if (reading.kind === "corrupt") this.#count("corrupt_count");
    if (reading.kind === "state") this.#loaded = load(mirror, reading);
    return this.#loaded;
  }

  /** Many who wait share one refresh; who is aborted stops waiting alone. */
  #refresh(signal?: AbortSignal): Promise<Loaded> {
    return unlessAborted(this.#fetchOnce(BLOCKING_MS), signal);
  }

  #fetchOnce(ms: number): Promise<Loaded> {
    if (this.#refreshing === undefined) {
      this.#refreshing = this.#fetch(ms).finally(() => {
        this.#refreshing = undefined;
      });
      // Also when everybody who waited was aborted, and nobody is left to be told.
      this.#refreshing.catch(() => {});
    }
    return this.#refreshing;
  }

  async #fetch(ms: number): Promise<Loaded> {
    const { mirror, cache } = await this.#open();
    const { metrics, directory } = this.#options;
    const deadline = AbortSignal.timeout(ms);
    const signal = AbortSignal.any([this.#stop.signal, deadline]);
    const known = this.#loaded;
    try {
      const fetched = await refreshTrustRoot({ mirror, cache, known, metrics, signal });
      this.#loaded = load(mirror, fetched);
    } catch (error) {
      if (!deadline.aborted) throw error;
      const message = `the trust root ${mirror.name} (${mirror.url.host}) was not there within ${ms / 1000} s`;
      throw new CtxPackError("CTXPACK_E_TIMEOUT", message, { cause: error });
    }
    await new RefreshBackoff(cache.folder).succeeded().catch(() => {});
    await pruneTrustDirectory(directory, { signal });
    return this.#loaded;
  }

  #refreshBehind(): void {
    this.#background ??= this.#tryRefresh().finally(() => {
      this.#background = undefined;
    });
  }

  /** Nobody is told when it fails: what there is may still be used, and the next one tries again. */
  async #tryRefresh(): Promise<void> {
    const { cache } = await this.#open();
    const backoff = new RefreshBackoff(cache.folder);
    try {
      if (!(await backoff.mayTry())) return;
      await this.#fetchOnce(BACKGROUND_MS);
    } catch {
      await backoff.failed().catch(() => {});
    }
  }

  #count(what: "hit_count" | "miss_count" | "stale_served_count" | "corrupt_count"): void {
    const labels = { cache: "trust_root" };
    this.#options.metrics?.counter(`proof_artifacts.cache.${what}`, labels);
  }

  async #unusable(loaded: Loaded | undefined): Promise<CtxPackError> {
    const { mirror, cache } = await this.#open();
    const why =
      loaded === undefined
        ? "there is none that can be used"
        : `the one that is kept has expired at ${loaded.verified.expires.toISOString()}`;
    return new CtxPackError(
      "CTXPACK_E_PROOF_TRUST_ROOT",
      `offline, and of the trust root ${mirror.name} ${why}`,
      {
        hint: "refresh it once with a network, or bring a trusted_root.json from a machine that has one",
        details: { trustRoot: mirror.name, folder: cache.folder },
      },
    );
  }
}

function load(mirror: PinnedMirror, cached: CachedState): Loaded {
  return { ...cached, root: parseTrustRoot(mirror.name, cached.state.target) };
}
