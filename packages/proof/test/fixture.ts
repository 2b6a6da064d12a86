import { createPublicKey, type KeyObject } from "node:crypto";
import { sha256 } from "@ctxpack/identity";
import {
  createStatement,
  type GenerateKeyOptions,
  generateKey,
  localSigner,
  type NamedKey,
  type Signer,
  type Statement,
} from "@ctxpack/proof";

/** A key that can sign, and what a verifier knows of it. */
export interface TestKey {
  readonly pem: string;
  readonly publicPem: string;
  readonly publicKey: KeyObject;
  readonly keyId: string;
  readonly signer: Signer;
  readonly named: NamedKey;
}

export async function testKey(
  name = "ci",
  algorithm?: GenerateKeyOptions["algorithm"],
): Promise<TestKey> {
  const { privateKey: pem, publicKey: publicPem, keyId } = await generateKey({ algorithm });
  const publicKey = createPublicKey(publicPem);
  const signer = await localSigner({ pem });
  return { pem, publicPem, publicKey, keyId, signer, named: { name, publicKey } };
}

/** The bytes that test statements are about. */
export const SUBJECT: Uint8Array = new TextEncoder().encode("a manifest");

export function testStatement(predicate: Statement["predicate"] = { note: "äöü" }): Statement {
  return createStatement({
    subject: { name: "registry.example/packs", digest: sha256(SUBJECT) },
    predicateType: "https://example.com/predicate/v1",
    predicate,
  });
}

/** A bundle as JSON, to change something in it. */
export type BundleJson = {
  mediaType: string;
  verificationMaterial: Record<string, unknown>;
  dsseEnvelope: {
    payload: string;
    payloadType: string;
    signatures: { sig: string; keyid?: string }[];
  };
  messageSignature?: unknown;
};

export function jsonOf(bytes: Uint8Array): BundleJson {
  return JSON.parse(new TextDecoder().decode(bytes)) as BundleJson;
}

/** The bundle with something changed. */
export function changed(bytes: Uint8Array, change: (json: BundleJson) => unknown): Uint8Array {
  const json = jsonOf(bytes);
  change(json);
  return bytesOf(json);
}

export function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
