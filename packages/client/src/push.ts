import { parsePackManifest } from "@ctxpack/cache/pack";
import { CtxPackError, type CtxUri, type Digest, refuseSecrets } from "@ctxpack/identity";
import { identifySubject } from "./find.ts";
import { findLegacy, readOnlyLegacy } from "./legacy/find.ts";
import { readConfig, requireContract } from "./pack-config.ts";
import {
  type FoundPack,
  openWritablePantry,
  packTag,
  pantryToWrite,
  type WritablePantry,
} from "./pantry.ts";
import type { OpenedSigner, SignerChoice } from "./proof/open-signer.ts";
import { blobSizes, publish } from "./publish.ts";
import type { Session } from "./session.ts";
import { attachKept, openSignerFor, signFor } from "./trust/attest.ts";
import { type AttachedInputs, attachInputs } from "./why/inputs.ts";
import { type Work, type WorkOptions, workOf } from "./work.ts";

export interface PushOptions extends WorkOptions {
  /** The pantry; the first configured one when absent. */
  readonly to?: string | undefined;
  /** Take the place of another output of the same contract; that one stays as an alternate. */
  readonly replace?: boolean | undefined;
  /** Attach the file lists of its inputs, so that another machine's `why` can name files. Default false. */
  readonly withInputs?: boolean | undefined;
  /** Sign how it was made, and attach the proof. */
  readonly attest?: SignerChoice | undefined;
  /** JSON pointers of values that look like secrets and are none. */
  readonly allowSecret?: readonly string[] | undefined;
}

export interface PushResult {
  readonly uri: CtxUri;
  readonly pantry: string;
  readonly tag: string;
  /** The manifest that the pantry's tag holds. */
  readonly manifest: Digest;
  readonly action: "created" | "exists" | "replaced";
  readonly blobs: { readonly sent: number; readonly existing: number };
  /** Compressed bytes. */
  readonly bytes: { readonly sent: number; readonly existing: number };
  /** What became of the file lists of its inputs; present when they were to be attached. */
  readonly inputs?: AttachedInputs;
  /** Proofs of it that are attached there now. */
  readonly proofs: number;
}

/**
 * Sends a pack of the store to a pantry. What is there already is not sent again. What is to be signed with is opened
 * first, and proofs are attached before the tag leads to the pack: who asks for them never finds it without.
 */
export async function push(
  session: Session,
  text: string,
  options: PushOptions,
): Promise<PushResult> {
  const work = workOf(options);
  const { uri } = await identifySubject(session, text, work);
  // Its blobs are read by digest for as long as they take to send.
  using _lease = (await session.store(work.signal)).lease(uri);
  const pack = await packOfStore(session, uri, options.to, work);
  const config = await readConfig(pack.source, pack.manifest, work.signal);
  // A contract is public once pushed, also one seeded before a rule knew its secret; a run was redacted when it was packed.
  if (config.kind === "contract")
    refuseSecrets(config.contract, { allow: options.allowSecret ?? [] });
  const signer = options.attest && (await openSignerFor(session, options.attest, work));
  const pantry = await openWritablePantry(session, pantryToWrite(session, options.to), work.signal);
  const prove = prover(session, pantry, { uri, signer }, work);
  let proofs = 0;
  const { action, manifest, summary } = await publish(
    session,
    pantry,
    {
      pack,
      replace: options.replace === true,
      referrers: false,
      beforeTag: async (descriptor) => {
        proofs = await prove(descriptor);
      },
    },
    work,
  );
  const inputs = options.withInputs
    ? await attachInputs(
        session,
        pantry,
        { subject: manifest, contract: requireContract(config, uri) },
        work,
      )
    : undefined;
  const sizes = blobSizes(pack);
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return {
    uri,
    pantry: pantry.address,
    tag: packTag(uri),
    manifest: manifest.digest,
    action,
    blobs: { sent: summary.copied.blobs, existing: sizes.size - summary.copied.blobs },
    bytes: { sent: summary.copied.bytes, existing: total - summary.copied.bytes },
    ...(inputs && { inputs }),
    proofs,
  };
}

/** Signs for the manifest that a pantry has of a pack, each once, and attaches what proofs of it there are: how many. */
function prover(
  session: Session,
  pantry: WritablePantry,
  { uri, signer }: { readonly uri: CtxUri; readonly signer: OpenedSigner | undefined },
  work: Work,
): (manifest: FoundPack["descriptor"]) => Promise<number> {
  let signedFor: Digest | undefined;
  return async (manifest) => {
    const store = await session.store(work.signal);
    const record = signer && signedFor !== manifest.digest && (await store.get(uri));
    if (signer && record) {
      const name = pantry.remote ? pantry.address : uri;
      await signFor(session, record, { name, manifest, signer }, work);
      signedFor = manifest.digest;
    }
    return await attachKept(store, uri, pantry, manifest, work);
  };
}

async function packOfStore(
  session: Session,
  uri: CtxUri,
  to: string | undefined,
  { signal }: Work,
): Promise<FoundPack> {
  const store = await session.store(signal);
  const record = await store.get(uri);
  if (!record || record.partial) {
    const near = to === undefined ? session.config.pantries : [to];
    const legacy = record ? undefined : await findLegacy(session, uri, near, signal);
    if (legacy) throw readOnlyLegacy(legacy);
    throw new CtxPackError(
      "CTXPACK_E_NOT_FOUND",
      record ? `${uri} is in the store in part only` : `${uri} is not in the store`,
      {
        hint: record ? "ctxpack pull completes it" : "ctxpack seed puts an output into the store",
        details: { uri },
      },
    );
  }
  const { descriptor, bytes } = await store.manifest(uri);
  const manifest = parsePackManifest(bytes);
  return { address: "the store", source: store.blobs, uri, descriptor, bytes, manifest };
}
