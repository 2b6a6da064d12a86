import { type CtxUri, type Digest, isDigest, sha256 } from "@ctxpack/identity";
import { readBeside, writeBeside } from "./beside.ts";
import type { Parts } from "./parts.ts";
import type { PackRecord } from "./record.ts";

const SCHEMA = "ctxpack.proofs/v1";

/** More are not kept of one pack: the newest are. */
const MOST_BUNDLES = 64;
const MOST_ACCEPTANCES = 16;

/** That a pack was let in: by which policies, because of which bundles. */
export interface Acceptance {
  /** sha256 of every policy that had to accept it; sorted. */
  readonly policies: readonly Digest[];
  /** sha256 of the bundles that made it so. */
  readonly bundles: readonly Digest[];
  /** The manifest that they speak of. */
  readonly manifest: Digest;
  /** Where it came from, as policies know it. */
  readonly pantry?: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** From then on it does not count; ISO 8601, UTC. */
  readonly until?: string;
}

/** What is kept of a pack's proofs: beside the pack, on this machine only. */
export interface KeptProofs {
  readonly uri: CtxUri;
  /** Of the output that they are about. */
  readonly tree: Digest;
  /** What this machine says of how it made the pack, unsigned: JSON. */
  readonly statement?: Uint8Array;
  /** Sigstore bundles, as they were found or made; the newest last. */
  readonly bundles: readonly Uint8Array[];
  readonly acceptances: readonly Acceptance[];
}

/** What is added; a statement takes the place of the one before, an acceptance that of one by the same policies. */
export type NewProofs = Partial<Pick<KeptProofs, "statement" | "bundles" | "acceptances">>;

/** On which condition something is kept. */
export interface KeepingOptions {
  readonly signal?: AbortSignal | undefined;
  /** Only while the store holds this very pack: what was seen of it says nothing of another output under its URI. */
  readonly of?: PackRecord | undefined;
  /** A statement that is there already stays. */
  readonly first?: boolean | undefined;
}

/** `Store.keepProofs`: false when the pack is gone, or is another one than `of`. */
export async function keepProofs(
  parts: Parts,
  uri: CtxUri,
  added: NewProofs,
  { signal, of, first }: KeepingOptions,
): Promise<boolean> {
  parts.workspace.expectWritable();
  // Under the lock: of two that add something at once, both do.
  return await parts.database.exclusive(() => {
    const now = parts.records.get(uri);
    if (now === undefined || (of !== undefined && !isSame(now, of))) return false;
    const { tree } = now;
    const before = readProofs(parts, uri);
    const kept = before?.statement;
    const statement = first === true ? (kept ?? added.statement) : (added.statement ?? kept);
    write(parts, {
      uri,
      tree,
      ...(statement !== undefined && { statement }),
      bundles: newest(before?.bundles, added.bundles, sha256, MOST_BUNDLES),
      acceptances: newest(before?.acceptances, added.acceptances, policiesOf, MOST_ACCEPTANCES),
    });
    return true;
  }, signal);
}

function isSame(now: PackRecord, then: PackRecord): boolean {
  const isOutput = now.tree === then.tree && now.manifest.digest === then.manifest.digest;
  return isOutput && now.origin === then.origin;
}

/** `Store.proofs`: `undefined` also for those of another output than the pack's, and for a damaged file. */
export function readProofs(parts: Parts, uri: CtxUri): KeptProofs | undefined {
  return readBeside(parts, parts.places.proof(uri), uri, parse);
}

/** Those before and those added, one of a kind, not more than `most`. */
function newest<T>(
  before: readonly T[] = [],
  added: readonly T[] = [],
  kind: (one: T) => string,
  most: number,
): T[] {
  const all = new Map<string, T>();
  for (const one of [...before, ...added]) {
    all.delete(kind(one));
    all.set(kind(one), one);
  }
  return [...all.values()].slice(-most);
}

function policiesOf({ policies }: Acceptance): string {
  return policies.join(" ");
}

/** One line of JSON, then the statement, then the bundles, byte for byte. */
function write(parts: Parts, { statement, bundles, ...facts }: KeptProofs): void {
  const sizes = { statement: statement?.length ?? 0, bundles: bundles.map(sized) };
  const head = Buffer.from(`${JSON.stringify({ schema: SCHEMA, ...facts, ...sizes })}\n`);
  const bytes = Buffer.concat([head, ...(statement ? [statement] : []), ...bundles]);
  writeBeside(parts, parts.places.proof(facts.uri), bytes);
}

function sized(bundle: Uint8Array): { digest: Digest; size: number } {
  return { digest: sha256(bundle), size: bundle.length };
}

function parse(file: Buffer): KeptProofs | undefined {
  let at = file.indexOf(0x0a) + 1;
  const take = (size: number): Uint8Array => {
    at += size;
    return file.subarray(at - size, at);
  };
  const { schema, statement, bundles, ...facts } = JSON.parse(file.toString("utf8", 0, at));
  if (schema !== SCHEMA || !isDigest(facts.tree) || !facts.acceptances.every(isAcceptance)) {
    return undefined;
  }
  const said = take(statement);
  const kept = (bundles as ReturnType<typeof sized>[]).map(({ digest, size }) => {
    const bytes = take(size);
    if (sha256(bytes) !== digest) throw new RangeError("a bundle is not what it was");
    return bytes;
  });
  if (at !== file.length) return undefined;
  return { ...facts, ...(statement > 0 && { statement: said }), bundles: kept };
}

function isAcceptance(value: Acceptance): boolean {
  return (
    value.policies.every(isDigest) &&
    value.bundles.every(isDigest) &&
    isDigest(value.manifest) &&
    typeof value.at === "string" &&
    (value.pantry === undefined || typeof value.pantry === "string") &&
    (value.until === undefined || typeof value.until === "string")
  );
}
