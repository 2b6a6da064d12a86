import type { KeyObject } from "node:crypto";
import { CtxPackError } from "@ctxpack/identity";
import type { SignedEntity, Signer, TrustMaterial } from "@sigstore/verify";
import type { Bundle, LogEntry } from "../bundle/bundle.ts";
import { bundleJson } from "../bundle/write.ts";
import { encodeBase64 } from "../dsse/base64.ts";
import type { TrustRoot, ValidityWindow } from "../trust/trust-root.ts";
import type { CertificateExtension } from "./certificate-identity.ts";
import type { ProofErrorCode } from "./failure.ts";
import { type SignedContent, SigstoreContent } from "./signed-content.ts";
import type { VerifiedTime } from "./verified-bundle.ts";

/** What is verified against a trust root. */
export interface RootCheck {
  readonly bundle: Bundle;
  readonly content: SignedContent;
  readonly root: TrustRoot;
  /** The key that signed, where the bundle is not signed with a certificate. */
  readonly publicKey?: KeyObject | undefined;
  /** By what logs are judged that give no time, and of which no timestamp tells one. */
  readonly now: Date;
}

/** What a trust root vouches for. */
export interface RootVerdict {
  readonly times: readonly VerifiedTime[];
  readonly logEntries: number;
  /** Of the certificate. */
  readonly extensions: readonly CertificateExtension[];
}

/** To read the keys and certificates of a trust root takes longer than to verify with them. */
const materials = new WeakMap<TrustRoot, TrustMaterial>();

/**
 * Verifies timestamps, chain, SCTs, log entries and signature of a bundle against one trust root. All witnesses of a bundle
 * have to be right. A certificate needs at least one verified time, and one log entry and one SCT where the trust root has
 * logs for them; a key needs none of these.
 *
 * @throws CtxPackError with the code of the step that was not passed.
 */
export async function checkWithRoot(check: RootCheck): Promise<RootVerdict> {
  const { bundle, root, publicKey } = check;
  const { Verifier } = await import("@sigstore/verify");
  const material = withKey(await witnessesOf(root), publicKey);
  const least = publicKey === undefined ? 1 : 0;
  const verifier = new Verifier(material, {
    timestampThreshold: least,
    tlogThreshold: Math.min(least, root.logs.length),
    ctlogThreshold: Math.min(least, root.certificateLogs.length),
  });
  const entity = await entityOf(check);
  const signer = refusing(root, () => verifier.verify(entity));
  const times = timesOf(bundle, entity);
  const moments = times.length > 0 ? times.map(({ time }) => time) : [check.now];
  for (const entry of bundle.logEntries) {
    requireOneProof(entry);
    requireLogInUse(entry, root, moments);
  }
  return { times, logEntries: bundle.logEntries.length, extensions: extensionsOf(signer) };
}

async function witnessesOf(root: TrustRoot): Promise<TrustMaterial> {
  const known = materials.get(root);
  if (known !== undefined) return known;
  const { toTrustMaterial } = await import("@sigstore/verify");
  const { TrustedRoot } = await import("@sigstore/protobuf-specs");
  let witnesses: TrustMaterial;
  try {
    witnesses = toTrustMaterial(TrustedRoot.fromJSON(root.json));
  } catch (cause) {
    const message = `the trust root ${root.name} cannot be used`;
    throw new CtxPackError("CTXPACK_E_PROOF_TRUST_ROOT", message, { cause });
  }
  materials.set(root, witnesses);
  return witnesses;
}

/** When the key itself is valid is judged by us, with the times that come out of here. */
function withKey(material: TrustMaterial, publicKey: KeyObject | undefined): TrustMaterial {
  if (publicKey === undefined) return material;
  return { ...material, publicKey: () => ({ publicKey, validFor: () => true }) };
}

async function entityOf({ bundle, content, root }: RootCheck): Promise<SignedEntity> {
  const { toSignedEntity } = await import("@sigstore/verify");
  const { bundleFromJSON } = await import("@sigstore/bundle");
  return refusing(root, () => ({
    ...toSignedEntity(bundleFromJSON(bundleJson(bundle))),
    signature: new SigstoreContent(content),
  }));
}

/** Runs what throws errors of sigstore's, or trips over what a stranger wrote. */
function refusing<T>(root: TrustRoot, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const { code, message } = cause as { code?: unknown; message?: unknown };
    throw new CtxPackError(stepOf(code), `${message} (trust root ${root.name})`, {
      cause,
      details: { trustRoot: root.name },
    });
  }
}

function stepOf(code: unknown): ProofErrorCode {
  switch (code) {
    case "TIMESTAMP_ERROR":
      return "CTXPACK_E_PROOF_TIMESTAMP";
    case "CERTIFICATE_ERROR":
      return "CTXPACK_E_PROOF_CERTIFICATE";
    case "SIGNATURE_ERROR":
      return "CTXPACK_E_PROOF_SIGNATURE";
    default:
      // Without a code it stumbled over DER or JSON that is not what it has to be.
      return typeof code === "string" && code.startsWith("TLOG_")
        ? "CTXPACK_E_PROOF_LOG"
        : "CTXPACK_E_PROOF_BUNDLE";
  }
}

/** The times of a verified entity. A log's own time counts only with its promise: nothing else covers it. */
function timesOf(bundle: Bundle, entity: SignedEntity): VerifiedTime[] {
  const times: VerifiedTime[] = [];
  for (const timestamp of entity.timestamps) {
    if (timestamp.$case === "timestamp-authority") {
      times.push({ time: timestamp.timestamp.signingTime, source: "timestamp-authority" });
    }
  }
  for (const { promise, integratedTime } of bundle.logEntries) {
    if (promise !== undefined && integratedTime !== "0") {
      const time = new Date(Number(integratedTime) * 1000);
      times.push({ time, source: "transparency-log" });
    }
  }
  return times;
}

/**
 * What a verified entry says of itself beside what was verified: the checkpoint alone has the tree's size and root, and
 * without a promise only the proof has the entry's place.
 */
function requireOneProof({ logIndex, proof, promise }: LogEntry): void {
  if (proof === undefined) return;
  const [, size, root] = proof.checkpoint.split("\n");
  const { rootHash, treeSize } = proof;
  if (size !== treeSize || root !== encodeBase64(rootHash)) {
    const message = `log entry ${logIndex}: proof and checkpoint are not of the same tree`;
    throw new CtxPackError("CTXPACK_E_PROOF_LOG", message);
  }
  if (promise === undefined && logIndex !== proof.logIndex) {
    const message = `log entry ${logIndex} is another than its proof is for`;
    throw new CtxPackError("CTXPACK_E_PROOF_LOG", message);
  }
}

/** The log's key has to have been valid at the times that are known: a checkpoint itself has none. */
function requireLogInUse(entry: LogEntry, root: TrustRoot, moments: readonly Date[]): void {
  const logs = root.logs.filter((log) => Buffer.compare(log.logId, entry.logId) === 0);
  if (logs.some(({ validFor }) => moments.every((time) => within(validFor, time)))) return;
  throw new CtxPackError(
    "CTXPACK_E_PROOF_LOG",
    `the key of the log with entry ${entry.logIndex} was not valid then (trust root ${root.name})`,
    { details: { trustRoot: root.name } },
  );
}

function within({ start, end }: ValidityWindow, time: Date): boolean {
  return (start === undefined || start <= time) && (end === undefined || time <= end);
}

function extensionsOf(signer: Signer): CertificateExtension[] {
  return (signer.identity?.oids ?? []).map(({ oid, value }) => [
    (oid?.id ?? []).join("."),
    Buffer.from(value),
  ]);
}
