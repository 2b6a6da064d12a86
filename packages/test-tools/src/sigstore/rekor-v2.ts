import { createHash, type KeyObject, type KeyPairKeyObjectResult, sign } from "node:crypto";
import type { Answering } from "./faults.ts";

interface Requested {
  readonly hashedRekordRequestV002?: {
    readonly digest: string;
    readonly signature: {
      readonly content: string;
      readonly verifier: Readonly<Record<string, unknown>> & { readonly keyDetails: string };
    };
  };
}

/**
 * Rekor v2: takes nothing but `hashedrekord` 0.0.2, keeps a Merkle tree (RFC 6962), and answers with an inclusion proof and
 * a checkpoint, without a time.
 */
export function rekorV2(host: string, keys: KeyPairKeyObjectResult): Answering {
  // A tree with one leaf has an empty proof, which shows nothing.
  const leaves = [leafHash(Buffer.from("the first entry"))];
  const logId = sha256(keys.publicKey.export({ type: "spki", format: "der" }));
  return ({ body }) => {
    const { hashedRekordRequestV002: requested } = JSON.parse(body) as Requested;
    if (requested === undefined) return { status: 400, body: "only hashedrekord is accepted" };
    const canonicalizedBody = Buffer.from(canonical(requested));
    leaves.push(leafHash(canonicalizedBody));
    const index = leaves.length - 1;
    const rootHash = treeHash(leaves);
    const entry = {
      logIndex: `${index}`,
      logId: { keyId: logId.toString("base64") },
      kindVersion: { kind: "hashedrekord", version: "0.0.2" },
      inclusionProof: {
        logIndex: `${index}`,
        rootHash: rootHash.toString("base64"),
        treeSize: `${leaves.length}`,
        hashes: proofOf(index, leaves).map((hash) => hash.toString("base64")),
        checkpoint: { envelope: checkpoint(host, leaves.length, rootHash, logId, keys.privateKey) },
      },
      canonicalizedBody: canonicalizedBody.toString("base64"),
    };
    const headers = { "content-type": "application/json" };
    return { status: 201, body: JSON.stringify(entry), headers };
  };
}

/** Canonical JSON: the members in order. */
function canonical({
  digest,
  signature,
}: NonNullable<Requested["hashedRekordRequestV002"]>): string {
  const { keyDetails, ...key } = signature.verifier;
  return JSON.stringify({
    apiVersion: "0.0.2",
    kind: "hashedrekord",
    spec: {
      hashedRekordV002: {
        data: { algorithm: "SHA2_256", digest },
        signature: { content: signature.content, verifier: { keyDetails, ...key } },
      },
    },
  });
}

/** A signed note: the log, the size, the root, and by whom it is signed. */
function checkpoint(
  host: string,
  size: number,
  root: Buffer,
  logId: Buffer,
  key: KeyObject,
): string {
  const note = `${host}\n${size}\n${root.toString("base64")}\n`;
  const signature = Buffer.concat([logId.subarray(0, 4), sign("sha256", Buffer.from(note), key)]);
  return `${note}\n\u2014 ${host} ${signature.toString("base64")}\n`;
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function leafHash(entry: Buffer): Buffer {
  return sha256(Buffer.from([0]), entry);
}

/** The largest power of two below `size`. */
function split(size: number): number {
  return 2 ** Math.floor(Math.log2(size - 1));
}

function treeHash(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 1) return leaves[0] as Buffer;
  const at = split(leaves.length);
  return sha256(Buffer.from([1]), treeHash(leaves.slice(0, at)), treeHash(leaves.slice(at)));
}

function proofOf(index: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  const at = split(leaves.length);
  return index < at
    ? [...proofOf(index, leaves.slice(0, at)), treeHash(leaves.slice(at))]
    : [...proofOf(index - at, leaves.slice(at)), treeHash(leaves.slice(0, at))];
}
