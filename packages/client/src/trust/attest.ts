import type { PackRecord, Store } from "@ctxpack/cache";
import { parsePackManifest } from "@ctxpack/cache/pack";
import { CtxPackError, type CtxUri, type Digest, resolveContract } from "@ctxpack/identity";
import { settleTogether, type WriteOptions } from "@ctxpack/oci";
import type { Statement } from "@ctxpack/proof";
import { identifySubject } from "../find.ts";
import { readConfig } from "../pack-config.ts";
import { lookUp, openWritablePantry, type WritablePantry } from "../pantry.ts";
import type { OpenedSigner, SignerChoice } from "../proof/open-signer.ts";
import type { Session } from "../session.ts";
import { type Work, type WorkOptions, workOf } from "../work.ts";
import { makingStatement } from "./made-here.ts";
import { runStatement } from "./run-making.ts";

export interface AttestOptions extends WorkOptions, SignerChoice {
  /** Sign the manifest that this pantry has, and attach the proof to it there; else that of the store. */
  readonly to?: string | undefined;
}

export interface AttestResult {
  readonly uri: CtxUri;
  /** What was signed for. */
  readonly manifest: Digest;
  /** The sigstore bundle; kept with the pack in the store. */
  readonly bundle: Digest;
  /** How we know: what `builder.id` of the statement says. */
  readonly builder: string;
  /** Where it was attached. */
  readonly pantry?: string;
  /** The referrer that holds it there. */
  readonly referrer?: Digest;
}

/**
 * Signs what the store says of how a pack was made. Throws CTXPACK_E_NOT_FOUND for a pack that is not in the store or
 * not in the pantry, CTXPACK_E_CONFLICT when the pantry has another output, and what opening the signer throws.
 */
export async function attest(
  session: Session,
  text: string,
  options: AttestOptions,
): Promise<AttestResult> {
  const work = workOf(options);
  const { uri } = await identifySubject(session, text, work);
  const store = await session.store(work.signal);
  const record = await store.get(uri);
  if (record === undefined || record.partial) {
    throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${uri} is not in the store`, {
      hint: "you can only vouch for what you have: seed it, run it, or pull it",
      details: { uri },
    });
  }
  const signer = await openSignerFor(session, options, work);
  const place =
    options.to === undefined ? undefined : await placeOf(session, options.to, record, work);
  const manifest = place?.manifest ?? record.manifest;
  const name = place?.pantry.remote ? place.pantry.address : uri;
  const signed = await signFor(session, record, { name, manifest, signer }, work);
  const attached = place && (await attachTo(place.pantry, manifest, signed.bytes, work));
  return {
    uri,
    manifest: manifest.digest,
    bundle: signed.digest,
    builder: signed.builder,
    ...(place && { pantry: place.pantry.address }),
    ...(attached && { referrer: attached.digest }),
  };
}

/** Opens what is signed with, before anything is sent that would need it. Throws as `openSigner`. */
export async function openSignerFor(
  session: Session,
  choice: SignerChoice,
  { signal }: Work,
): Promise<OpenedSigner> {
  const { openSigner } = await import("../proof/open-signer.ts");
  return await openSigner(choice, { ...session, signal });
}

/** What is signed for, as what, with what. */
export interface Signing {
  /** The name of the subject: the repository, or the pack's URI. */
  readonly name: string;
  readonly manifest: PackRecord["manifest"];
  readonly signer: OpenedSigner;
}

/** Signs how a pack of the store was made, and keeps the proof with it. */
export async function signFor(
  session: Session,
  record: PackRecord,
  { name, manifest, signer }: Signing,
  work: Work,
): Promise<{ readonly bytes: Uint8Array; readonly digest: Digest; readonly builder: string }> {
  const { createStatement, signStatement } = await import("@ctxpack/proof");
  const store = await session.store(work.signal);
  const { predicateType, predicate } = await statementOf(session, store, record, work);
  const subject = { name, digest: manifest.digest };
  const statement = createStatement({ subject, predicateType, predicate });
  const { metrics } = session;
  const { bytes, digest } = await signStatement(statement, {
    ...signer,
    metrics,
    signal: work.signal,
  });
  await store.keepProofs(record.uri, { bundles: [bytes] }, work);
  return { bytes, digest, builder: builderOf(predicate) };
}

/**
 * Attaches the proofs that the store keeps of a pack to the manifest that a pantry has of it: how many there are. A
 * registry that has to be looked at again after each is looked at once for all of them.
 */
export async function attachKept(
  store: Store,
  uri: CtxUri,
  pantry: WritablePantry,
  manifest: PackRecord["manifest"],
  work: Work,
): Promise<number> {
  const bundles = (await store.proofs(uri))?.bundles ?? [];
  return await settleTogether(async (settling) => {
    let attached = 0;
    for (const bytes of bundles) {
      try {
        await attachTo(pantry, manifest, bytes, { ...work, settling });
        attached++;
      } catch (error) {
        // The pantry has the output under a manifest of its own: this proof is about another one.
        const isOther = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_PROOF_SUBJECT";
        if (!isOther) throw error;
      }
    }
    return attached;
  });
}

async function attachTo(
  pantry: WritablePantry,
  manifest: PackRecord["manifest"],
  bundle: Uint8Array,
  { signal, settling }: Work & Pick<WriteOptions, "settling">,
) {
  const { attachBundle } = await import("@ctxpack/proof");
  return await attachBundle(pantry.target, manifest, bundle, { signal, settling });
}

/** What the store says of how the pack was made; of one from elsewhere, that its user vouches for it. */
async function statementOf(
  session: Session,
  store: Store,
  record: PackRecord,
  work: Work,
): Promise<Statement> {
  const { parseStatement } = await import("@ctxpack/proof");
  const kept = (await store.proofs(record.uri))?.statement;
  if (kept !== undefined) return parseStatement(kept);
  const manifest = parsePackManifest((await store.manifest(record.uri, work)).bytes);
  const config = await readConfig(store.blobs, manifest, work.signal);
  if (config.kind === "trace") {
    return parseStatement(await runStatement(session, store, { record, run: config.run }));
  }
  const resolution = await resolveContract(config.contract, work);
  // Not kept: what is kept says that this machine made the pack.
  const made = { session, store, record, resolution };
  return parseStatement(await makingStatement(made, { kind: "seed" }));
}

async function placeOf(
  session: Session,
  to: string,
  record: PackRecord,
  work: Work,
): Promise<{ pantry: WritablePantry; manifest: PackRecord["manifest"] }> {
  const pantry = await openWritablePantry(session, to, work.signal);
  const found = await lookUp(pantry, record.uri, work.signal);
  if (found === undefined) {
    throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${record.uri} is not in ${pantry.address}`, {
      hint: "ctxpack push --attest sends it and attaches the proof",
      details: { uri: record.uri },
    });
  }
  if (found.manifest.tree !== record.tree) {
    throw new CtxPackError(
      "CTXPACK_E_CONFLICT",
      `${pantry.address} holds another output of ${record.uri} than the store: it is not signed`,
      { details: { uri: record.uri, expected: record.tree, found: found.manifest.tree } },
    );
  }
  return { pantry, manifest: found.descriptor };
}

function builderOf(predicate: Statement["predicate"]): string {
  const details = predicate["runDetails"] as { builder?: { id?: string } } | undefined;
  return details?.builder?.id ?? "";
}
