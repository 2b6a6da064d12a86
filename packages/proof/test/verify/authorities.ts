// Stand-ins for sigstore's services, in this process: real certificates, SCTs, timestamps, log entries and checkpoints,
// issued by keys that are made here. `@sigstore/mock` issues them; nothing of it speaks HTTP here.
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { parseTrustRoot, type Signer, type TrustRoot, type Witness } from "@ctxpack/proof";
import { initializeCA, initializeCTLog, initializeTLog, initializeTSA } from "@sigstore/mock";

const LOG_URL = "https://rekor.example";

export const ISSUER = "https://token.actions.githubusercontent.com";
export const IDENTITY = "https://github.com/acme/packs/.github/workflows/pack.yml@refs/heads/main";

/** What Fulcio puts into a certificate: OID below 1.3.6.1.4.1.57264.1 and value. */
type Extensions = Readonly<Record<number, string>>;

export interface Authorities {
  readonly root: TrustRoot;
  /** The trust root's JSON, to change something in it. */
  // biome-ignore lint/suspicious/noExplicitAny: tests break it in every way there is
  readonly rootJson: any;
  /** A signer with a certificate of its own for IDENTITY. */
  certificateSigner(options?: {
    readonly identity?: string;
    readonly extensions?: Extensions;
  }): Promise<Signer & { readonly leaf: Buffer }>;
  readonly timestamps: Witness;
  /** Rekor v1: a promise with a time, and a proof. */
  readonly log: Witness;
  /** Rekor v2: a proof and no time. */
  readonly logV2: Witness;
}

interface AuthoritiesOptions {
  /** What the services believe the time to be. */
  readonly tsa?: Date;
  readonly log?: Date;
  readonly ca?: Date;
  /** Whether certificates have an SCT; they do. */
  readonly sct?: boolean;
}

/** New services, with keys of their own. */
export async function startAuthorities(options: AuthoritiesOptions = {}): Promise<Authorities> {
  const pair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ctLog = await initializeCTLog(pair());
  const ca = await initializeCA(pair(), options.sct === false ? undefined : ctLog, options.ca);
  const tlog = await initializeTLog(LOG_URL, pair(), options.log);
  const tsa = await initializeTSA(pair());
  // The verifier reads no, or three, digits after the second; the stand-in writes as few as it can.
  const second = () => new Date(Math.floor((options.tsa?.getTime() ?? Date.now()) / 1000) * 1000);
  Object.assign(tsa, { getCurrentTime: second });
  const start = new Date(Date.now() - 1000).toISOString();
  const authority = (...certificates: ArrayBufferView[]) => ({
    subject: { commonName: "sigstore", organization: "sigstore.mock" },
    uri: "https://authority.example",
    certChain: { certificates: certificates.map((view) => ({ rawBytes: base64(view) })) },
    validFor: { start },
  });
  const log = (baseUrl: string, spki: Buffer) => ({
    baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: {
      rawBytes: base64(spki),
      keyDetails: "PKIX_ECDSA_P256_SHA_256",
      validFor: { start: "2020-01-01T00:00:00Z" },
    },
    logId: { keyId: createHash("sha256").update(spki).digest("base64") },
  });
  const rootJson = {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [log(LOG_URL, tlog.publicKey)],
    certificateAuthorities: [authority(ca.rootCertificate)],
    ctlogs: [log("https://ctfe.example", ctLog.publicKey)],
    timestampAuthorities: [authority(tsa.intCertificate, tsa.rootCertificate)],
  };
  return {
    root: rootOf(rootJson),
    rootJson,
    async certificateSigner({ identity = IDENTITY, extensions = { 1: ISSUER, 8: ISSUER } } = {}) {
      const { publicKey, privateKey } = pair();
      const leaf = bytesOf(
        await ca.issueCertificate({
          publicKey: publicKey.export({ type: "spki", format: "der" }) as Buffer<ArrayBuffer>,
          subjectAltName: identity,
          extensions: Object.entries(extensions).map(([number, value]) => ({
            oid: `1.3.6.1.4.1.57264.1.${number}`,
            value,
            legacy: Number(number) <= 6,
          })),
        }),
      );
      return { leaf, ...certificateSignerOf(leaf, privateKey) };
    },
    timestamps: {
      async witness({ signature }) {
        const artifactHash = createHash("sha256").update(signature).digest();
        const response = await tsa.timestamp({
          artifactHash,
          hashAlgorithmOID: "2.16.840.1.101.3.4.2.1",
          nonce: 1,
          policyOID: "1.2.3",
        });
        return { timestamps: [bytesOf(response)] };
      },
    },
    log: {
      async witness({ signature, envelope, identity }) {
        const { payload } = JSON.parse(envelope) as { payload: string };
        const pem = identity.kind === "key" ? identity.publicKey : identity.certificate;
        const sha256Of = (bytes: Uint8Array | string) => ({
          algorithm: "sha256",
          value: createHash("sha256").update(bytes).digest("hex"),
        });
        const entry = await tlog.log({
          apiVersion: "0.0.1",
          kind: "dsse",
          spec: {
            envelopeHash: sha256Of(envelope),
            payloadHash: sha256Of(Buffer.from(payload, "base64")),
            signatures: [{ signature: base64(signature), verifier: base64(Buffer.from(pem)) }],
          },
        });
        return { tlogEntries: [entryJson(Object.values(entry)[0] as LogAnswer, "dsse", "0.0.1")] };
      },
    },
    logV2: {
      async witness({ signature, pae, identity }) {
        const rawBytes = base64(
          identity.kind === "key"
            ? createPublicKey(identity.publicKey).export({ type: "spki", format: "der" })
            : derOf(identity.certificate),
        );
        const key = identity.kind === "key" ? "publicKey" : "x509Certificate";
        const keyDetails = "PKIX_ECDSA_P256_SHA_256";
        const entry = await tlog.log({
          apiVersion: "0.0.2",
          kind: "hashedrekord",
          spec: {
            hashedRekordV002: {
              data: {
                algorithm: "SHA2_256",
                digest: createHash("sha256").update(pae).digest("base64"),
              },
              signature: {
                content: base64(signature),
                verifier: { keyDetails, [key]: { rawBytes } },
              },
            },
          },
        });
        const answer = Object.values(entry)[0] as LogAnswer;
        const { integratedTime, inclusionPromise, ...v2 } = entryJson(
          answer,
          "hashedrekord",
          "0.0.2",
        );
        return { tlogEntries: [{ ...v2, logIndex: "0" }] };
      },
    },
  };
}

/** The trust root that this JSON is. */
export function rootOf(json: unknown, name = "test"): TrustRoot {
  return parseTrustRoot(name, Buffer.from(JSON.stringify(json)));
}

/** A signer that names this certificate. */
export function certificateSignerOf(leaf: Uint8Array, privateKey: KeyObject): Signer {
  const certificate = pemOf(leaf);
  return {
    async sign(bytes) {
      const signature = sign("sha256", bytes, privateKey);
      return { signature, identity: { kind: "certificate", certificate } };
    },
  };
}

/** A certificate in PEM. */
export function pemOf(der: Uint8Array): string {
  const lines = base64(der).replace(/.{1,64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}

interface LogAnswer {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly inclusionProof: { readonly checkpoint: string; readonly rootHash: string };
    readonly signedEntryTimestamp: string;
  };
}

/** Each entry is the first of a tree of its own. */
function entryJson(answer: LogAnswer, kind: string, version: string) {
  const { inclusionProof, signedEntryTimestamp } = answer.verification;
  return {
    logIndex: `${answer.logIndex}`,
    logId: { keyId: Buffer.from(answer.logID, "hex").toString("base64") },
    kindVersion: { kind, version },
    integratedTime: `${answer.integratedTime}`,
    inclusionPromise: { signedEntryTimestamp },
    inclusionProof: {
      rootHash: Buffer.from(inclusionProof.rootHash, "hex").toString("base64"),
      treeSize: "1",
      checkpoint: { envelope: inclusionProof.checkpoint },
    },
    canonicalizedBody: answer.body,
  };
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
}

function bytesOf(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

function base64(view: ArrayBufferView): string {
  return bytesOf(view).toString("base64");
}
