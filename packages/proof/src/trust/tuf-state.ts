import { hash } from "node:crypto";
import { parseJson } from "@ctxpack/oci";
import type { Metadata, Root } from "@tufjs/models";

/** The target that we are after. */
export const TRUSTED_ROOT = "trusted_root.json";

/** The largest files that are taken, in bytes; as tuf-js has them, and 4 MiB for the target. */
export const TUF_LIMITS = {
  root: 512_000,
  timestamp: 16_384,
  snapshot: 2_000_000,
  targets: 5_000_000,
  target: 4_194_304,
} as const;

/** Roots are renewed about once a year. */
export const MOST_ROOTS = 256;

/** Files of a TUF repository, as they were served. */
export interface TufState {
  /** Each root after the pinned one, in order. */
  readonly roots: readonly Uint8Array[];
  readonly timestamp: Uint8Array;
  readonly snapshot: Uint8Array;
  readonly targets: Uint8Array;
  /** The trusted_root.json. */
  readonly target: Uint8Array;
}

/** What is known of a state once it was verified. */
export interface VerifiedTufState {
  readonly rootVersion: number;
  /** When the first of the four roles expires; the state must not be used after that. */
  readonly expires: Date;
}

/** Roots, each signed by the keys of the one before it and by its own (TUF specification 1.0, §5.3). */
export class RootChain {
  readonly #models: typeof import("@tufjs/models");
  #root: Metadata<Root>;

  private constructor(models: typeof import("@tufjs/models"), pinned: Uint8Array) {
    this.#models = models;
    this.#root = this.#parse(pinned);
    this.#root.verifyDelegate("root", this.#root);
  }

  /** Begins with the root that is trusted as it is. Throws an Error if it is none, as do the others. */
  static async begin(pinned: Uint8Array): Promise<RootChain> {
    return new RootChain(await import("@tufjs/models"), pinned);
  }

  get root(): Metadata<Root> {
    return this.#root;
  }

  get version(): number {
    return this.#root.signed.version;
  }

  take(bytes: Uint8Array): void {
    const next = this.#parse(bytes);
    this.#root.verifyDelegate("root", next);
    if (next.signed.version !== this.version + 1) {
      throw new Error(`root ${this.version} is followed by root ${next.signed.version}`);
    }
    next.verifyDelegate("root", next);
    this.#root = next;
  }

  #parse(bytes: Uint8Array): Metadata<Root> {
    return this.#models.Metadata.fromJSON(this.#models.MetadataKind.Root, jsonOf(bytes, "root"));
  }
}

/**
 * Verifies a state from the pinned root on, as if it had just been downloaded, so that it does not matter who could write to
 * where it was kept. Everything but expiry: when it is used is the caller's to say. Throws an Error.
 */
export async function verifyTufState(
  pinned: Uint8Array,
  state: TufState,
): Promise<VerifiedTufState> {
  const { Metadata, MetadataKind } = await import("@tufjs/models");
  const chain = await RootChain.begin(pinned);
  for (const root of state.roots) chain.take(root);
  const { root } = chain;

  const timestamp = Metadata.fromJSON(MetadataKind.Timestamp, jsonOf(state.timestamp, "timestamp"));
  root.verifyDelegate("timestamp", timestamp);

  const { snapshotMeta } = timestamp.signed;
  snapshotMeta.verify(Buffer.from(state.snapshot));
  const snapshot = Metadata.fromJSON(MetadataKind.Snapshot, jsonOf(state.snapshot, "snapshot"));
  root.verifyDelegate("snapshot", snapshot);
  requireVersion("snapshot", snapshot.signed.version, snapshotMeta.version);

  const targetsMeta = snapshot.signed.meta["targets.json"];
  if (targetsMeta === undefined) throw new Error("the snapshot has no targets");
  targetsMeta.verify(Buffer.from(state.targets));
  const targets = Metadata.fromJSON(MetadataKind.Targets, jsonOf(state.targets, "targets"));
  root.verifyDelegate("targets", targets);
  requireVersion("targets", targets.signed.version, targetsMeta.version);

  const target = targets.signed.targets[TRUSTED_ROOT];
  if (target === undefined) throw new Error(`the targets have no ${TRUSTED_ROOT}`);
  const found = hash("sha256", state.target, "hex");
  if (target.length !== state.target.length || target.hashes["sha256"] !== found) {
    throw new Error(`${TRUSTED_ROOT} is not the one that the targets name`);
  }
  return { rootVersion: chain.version, expires: earliest([root, timestamp, snapshot, targets]) };
}

function requireVersion(role: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`the ${role} is version ${found}, not ${expected}`);
}

function earliest(roles: readonly { readonly signed: { readonly expires: string } }[]): Date {
  const times = roles.map(({ signed }) => Date.parse(signed.expires));
  if (times.some(Number.isNaN)) throw new Error("a role has no time at which it expires");
  return new Date(Math.min(...times));
}

type TufJson = Parameters<typeof Metadata.fromJSON>[1];

function jsonOf(bytes: Uint8Array, role: keyof typeof TUF_LIMITS): TufJson {
  if (bytes.length > TUF_LIMITS[role]) throw new Error(`the ${role} is too large`);
  const json = parseJson(bytes, { code: "CTXPACK_E_PROOF_TRUST_ROOT", where: `the ${role}` });
  if (typeof json !== "object" || json === null) throw new Error(`the ${role} is not an object`);
  return json as TufJson;
}
