import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KnownDigests, removeStore, Store, type StoreOptions } from "@ctxpack/cache";
import { CtxPackError } from "@ctxpack/identity";
import type { BlobConcurrency } from "@ctxpack/oci";
import type { CredentialProvider } from "@ctxpack/oci/remote";
import type { MetricsSink } from "@ctxpack/proof";
import type { Config, Env } from "./config.ts";
import { Registries } from "./registries.ts";
import type { Gate } from "./trust/gate.ts";
import { PolicyGate } from "./trust/policy-gate.ts";
import type { PolicyPin } from "./trust/policy-pin.ts";

/** A registry is far: of small blobs many wait for it at the same time. */
const REMOTE_CONCURRENCY: BlobConcurrency = { blobs: 8, small: 32 };
const LOCAL_CONCURRENCY = 4;

/** What the verbs share: settings, and the store, which is opened when the first verb needs it. */
export class Session implements AsyncDisposable {
  readonly config: Config;
  readonly cwd: string;
  readonly env: Env;
  /** What every pack has to pass; absent when there is no policy. */
  readonly gate: Gate | undefined;
  /** Takes one sentence a person should read although nothing failed. */
  readonly warn: (text: string) => void;
  /** The registries that pantries are in. */
  readonly registries: Registries;
  readonly metrics: MetricsSink | undefined;
  /** Which bytes the policy that was named when opening has to have. */
  readonly policyPin: PolicyPin | undefined;
  readonly #ownGate: PolicyGate | undefined;
  readonly #blocking: boolean | undefined;
  #store: Promise<OpenStore> | undefined;
  #aside: Promise<Session> | undefined;
  #known: Promise<KnownDigests | undefined> | undefined;

  constructor(settings: {
    config: Config;
    cwd: string;
    env: Env;
    gate: Gate | undefined;
    blocking?: boolean | undefined;
    metrics?: MetricsSink | undefined;
    policyPin?: PolicyPin | undefined;
    credentials?: CredentialProvider | undefined;
    registries?: Registries | undefined;
    warn: (text: string) => void;
  }) {
    this.config = settings.config;
    this.cwd = settings.cwd;
    this.env = settings.env;
    this.metrics = settings.metrics;
    this.policyPin = settings.policyPin;
    const { policies, locks } = settings.config;
    this.#ownGate =
      settings.gate === undefined && policies.length + locks.length > 0
        ? new PolicyGate(this, policies, { locks })
        : undefined;
    this.gate = settings.gate ?? this.#ownGate;
    this.#blocking = settings.blocking;
    this.warn = settings.warn;
    const { config, env, credentials, warn } = settings;
    this.registries = settings.registries ?? new Registries({ config, env, credentials, warn });
  }

  /** The store, read-only where it cannot be written. */
  async store(signal: AbortSignal): Promise<Store> {
    return (await this.openStore(signal)).store;
  }

  async openStore(signal: AbortSignal): Promise<OpenStore> {
    this.#store ??= openStore(this.config.cacheDir, {
      blocking: this.#blocking,
      budget: this.config.storeBudget,
      signal,
    });
    try {
      return await this.#store;
    } catch (error) {
      // The next verb tries again: this one may have been aborted.
      this.#store = undefined;
      throw error;
    }
  }

  /** The same with a store that lasts as long as this session: for results that must not stay. */
  aside(): Promise<Session> {
    this.#aside ??= this.#makeAside();
    return this.#aside;
  }

  /** What the store knows of files; `undefined` where no store can be. */
  async knownDigests(signal: AbortSignal): Promise<KnownDigests | undefined> {
    this.#known ??= KnownDigests.open(this.config.cacheDir, { signal });
    try {
      return await this.#known;
    } catch (error) {
      this.#known = undefined;
      throw error;
    }
  }

  /** Blobs in flight at a time, as chosen; else more over a network than on a disk. */
  concurrency(remote = false): BlobConcurrency {
    return this.config.concurrency ?? (remote ? REMOTE_CONCURRENCY : LOCAL_CONCURRENCY);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeStore();
    const aside = await this.#aside?.catch(() => undefined);
    if (aside !== undefined) {
      await aside.#closeStore();
      removeStore(aside.config.cacheDir);
    }
    await this.#ownGate?.[Symbol.asyncDispose]();
    await this.registries[Symbol.asyncDispose]();
  }

  async #closeStore(): Promise<void> {
    const opened = this.#store;
    this.#store = undefined;
    // A store that could not be opened has been reported where it was needed.
    const result = await opened?.catch(() => undefined);
    await result?.store[Symbol.asyncDispose]();
    const known = await this.#known?.catch(() => undefined);
    known?.[Symbol.dispose]();
  }

  async #makeAside(): Promise<Session> {
    const cacheDir = await mkdtemp(join(tmpdir(), "ctxpack-store-"));
    const { cwd, env, gate, warn, registries, metrics, policyPin } = this;
    const config = { ...this.config, cacheDir };
    return new Session({
      ...{ config, cwd, env, gate, warn, registries, metrics, policyPin },
      blocking: this.#blocking,
    });
  }
}

/** A store, and whether anything can be put into it. */
export interface OpenStore {
  readonly store: Store;
  readonly writable: boolean;
}

async function openStore(
  dir: string,
  options: StoreOptions & { readonly signal: AbortSignal },
): Promise<OpenStore> {
  const { signal } = options;
  try {
    return { store: await Store.open(dir, options), writable: true };
  } catch (error) {
    if (!CtxPackError.isInstance(error) || error.code !== "CTXPACK_E_PERMISSION") throw error;
    const store = await Store.open(dir, { ...options, readOnly: true }).catch(() => {
      signal.throwIfAborted();
      throw error;
    });
    return { store, writable: false };
  }
}
