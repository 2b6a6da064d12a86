import type { KeptProofs, PackRecord, Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri, type Digest } from "@ctxpack/identity";
import type { BundleSigner } from "@ctxpack/proof";
import type { FoundProof } from "./evidence.ts";
import type { Candidate } from "./gate.ts";

/** What is said of how a pack was made, and by whom; nothing of it has been verified unless `acceptedBy` says so. */
export interface DescribedProofs {
  /** The claim: of the first proof about it, else what this machine recorded. Absent when nobody says anything. */
  readonly provenance?: DescribedProvenance;
  readonly signatures: readonly DescribedSignature[];
  /** Policies that have accepted it, by their digest, and when. */
  readonly acceptedBy: readonly { readonly policies: readonly Digest[]; readonly at: string }[];
}

interface DescribedProvenance {
  /** Whether somebody has signed it. */
  readonly signed: boolean;
  /** How it is known: `builder.id`. */
  readonly builder: string;
  readonly startedOn?: string;
  readonly finishedOn?: string;
  readonly source?: { readonly repository: string; readonly ref: string };
  /** Outputs of other contracts that went in. */
  readonly packs: readonly (DescribedSource & { readonly name: string })[];
  /** Packs that a map took items from. */
  readonly reused: readonly (DescribedSource & { readonly items: number })[];
}

/** A pack that went into another one. */
export interface DescribedSource {
  readonly uri: CtxUri;
  /** Which output of it, where that is said. */
  readonly manifest?: Digest;
  /** Who says how that one was made; absent where it was not followed (`origins.ts`), or nobody does. */
  readonly proofs?: DescribedProofs;
}

interface DescribedSignature {
  readonly bundle: Digest;
  readonly predicateType: string;
  /** A key's fingerprint, or who a certificate says that it is of. */
  readonly by: string;
}

/** Of a pack in the store. */
export async function describeStored(
  store: Store,
  { uri }: PackRecord,
): Promise<DescribedProofs | undefined> {
  const kept = await store.proofs(uri);
  return kept && (await describeKept(kept));
}

/** Of what is kept beside a pack. */
export async function describeKept(kept: KeptProofs): Promise<DescribedProofs> {
  const { kept: list } = await import("./evidence.ts");
  const said = await describe(list(kept.bundles), kept.statement);
  return { ...said, acceptedBy: kept.acceptances.map(({ policies, at }) => ({ policies, at })) };
}

/** Of a pack in a pantry. */
export async function describeFoundProofs(
  { source, descriptor }: Candidate,
  signal: AbortSignal,
): Promise<DescribedProofs | undefined> {
  const { referrers } = source;
  if (referrers === undefined) return undefined;
  const { discoverBundles } = await import("@ctxpack/proof");
  const listing = source as Parameters<typeof discoverBundles>[0];
  async function* readable(): AsyncGenerator<FoundProof> {
    for await (const one of discoverBundles(listing, descriptor, { signal })) {
      if ("bytes" in one) yield one;
    }
  }
  const said = await describe(readable(), undefined);
  return said.signatures.length === 0 ? undefined : { ...said, acceptedBy: [] };
}

async function describe(
  found: AsyncIterable<FoundProof>,
  unsigned: Uint8Array | undefined,
): Promise<Pick<DescribedProofs, "provenance" | "signatures">> {
  const { parseBundle, parseStatement, PROVENANCE_TYPE } = await import("@ctxpack/proof");
  const signatures: DescribedSignature[] = [];
  let provenance: DescribedProvenance | undefined;
  for await (const { bytes, digest } of found) {
    try {
      const { content, signer } = parseBundle(bytes);
      if (content.kind !== "envelope") continue;
      const statement = parseStatement(content.envelope.payload);
      const { predicateType } = statement;
      signatures.push({ bundle: digest, predicateType, by: await signerText(signer) });
      if (predicateType === PROVENANCE_TYPE) provenance ??= await provenanceOf(statement, true);
    } catch (error) {
      if (!CtxPackError.isInstance(error)) throw error;
      // Nothing to be told of it; `verify` says what is wrong.
    }
  }
  if (provenance === undefined && unsigned !== undefined) {
    provenance = await provenanceOf(parseStatement(unsigned), false);
  }
  return { signatures, ...(provenance && { provenance }) };
}

/** Nothing of it is verified. */
async function signerText(signer: BundleSigner): Promise<string> {
  if (signer.kind === "key") return `key ${signer.hint || "without a name"}`;
  const { claimedIdentity } = await import("@ctxpack/proof");
  const claimed = claimedIdentity(signer);
  if (claimed === undefined) return "a certificate that names nobody";
  return `a certificate of ${claimed.identity} by ${claimed.issuer}, which is not verified here`;
}

async function provenanceOf(
  statement: Parameters<typeof import("@ctxpack/proof")["parseProvenance"]>[0],
  signed: boolean,
): Promise<DescribedProvenance> {
  const proof = await import("@ctxpack/proof");
  const provenance = proof.parseProvenance(statement);
  const { startedOn, finishedOn } = provenance.metadata;
  const ours = proof.isPackProvenance(provenance)
    ? proof.readPackProvenance(provenance)
    : undefined;
  const run = proof.isRunProvenance(provenance) ? proof.readRunProvenance(provenance) : undefined;
  const source = ours?.source ?? run?.source;
  return {
    signed,
    builder: provenance.builderId,
    ...(startedOn !== undefined && { startedOn }),
    ...(finishedOn !== undefined && { finishedOn }),
    ...(source && { source }),
    packs: [
      ...(ours?.packs.map(({ name, ...pack }) => ({ name, ...sourceOf(pack) })) ?? []),
      ...(run?.parents.map((pack) => ({ name: "parent run", ...sourceOf(pack) })) ?? []),
    ],
    reused: ours?.reused.map(({ items, ...pack }) => ({ items, ...sourceOf(pack) })) ?? [],
  };
}

function sourceOf({
  uri,
  manifest,
}: {
  readonly uri: CtxUri;
  readonly manifest?: Digest | undefined;
}): DescribedSource {
  return { uri, ...(manifest !== undefined && { manifest }) };
}
