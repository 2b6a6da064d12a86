import { generateKeyPairSync, hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { LogEntry } from "../../src/bundle/bundle.ts";
import { requireBoundEntry } from "../../src/verify/log-binding.ts";
import { envelopeContent } from "../../src/verify/signed-content.ts";

const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const spki = publicKey.export({ type: "spki", format: "der" });
const pem = Buffer.from(publicKey.export({ type: "spki", format: "pem" }));
const signature = Buffer.from("signature");
const payload = Buffer.from("payload");
const content = envelopeContent({ payloadType: "text/plain", payload, signature });

const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes as Buffer).toString("base64");
const sha256 = (bytes: Uint8Array) => ({
  algorithm: "sha256",
  value: hash("sha256", bytes, "hex"),
});

// biome-ignore lint/suspicious/noExplicitAny: tests break it in every way there is
type Anything = any;

const bodies: Readonly<Record<string, object>> = {
  "dsse 0.0.1": {
    payloadHash: sha256(payload),
    signatures: [{ signature: base64(signature), verifier: base64(pem) }],
  },
  "intoto 0.0.2": {
    content: {
      payloadHash: sha256(payload),
      envelope: { signatures: [{ sig: base64(base64(signature)), publicKey: base64(pem) }] },
    },
  },
  "hashedrekord 0.0.1": {
    data: { hash: sha256(content.bytes) },
    signature: { content: base64(signature), publicKey: { content: base64(pem) } },
  },
  "hashedrekord 0.0.2": {
    hashedRekordV002: {
      data: { algorithm: "SHA2_256", digest: hash("sha256", content.bytes, "base64") },
      signature: {
        content: base64(signature),
        verifier: { keyDetails: "x", publicKey: { rawBytes: base64(spki) } },
      },
    },
  },
};

function entryOf(name: string, spec: unknown, change?: (body: Anything) => unknown): LogEntry {
  const [kind = "", version = ""] = name.split(" ");
  const body = structuredClone({ kind, apiVersion: version, spec });
  change?.(body);
  return {
    logIndex: "5",
    logId: Buffer.of(1),
    kind,
    version,
    integratedTime: "0",
    promise: undefined,
    proof: undefined,
    body: Buffer.from(JSON.stringify(body)),
  };
}

const refused = (message: string) =>
  expect.objectContaining({
    code: "CTXPACK_E_PROOF_LOG",
    message: expect.stringContaining(message),
  });

/** Text of the body in which one value was replaced by another. */
function replaced(entry: LogEntry, from: string, to: string): LogEntry {
  const text = new TextDecoder().decode(entry.body);
  expect(text).toContain(from);
  return { ...entry, body: Buffer.from(text.replace(from, to)) };
}

describe.each(Object.entries(bodies))("an entry of kind %s", (name, spec) => {
  const entry = entryOf(name, spec);
  const bind = (one: LogEntry) => requireBoundEntry(one, content, spki);
  const digest = name.startsWith("hashedrekord") ? content.bytes : payload;
  const doubled = name.startsWith("intoto") ? base64(base64(signature)) : base64(signature);

  it("is about this signature, these bytes and this key", () => {
    expect(() => bind(entry)).not.toThrow();
  });

  it("is about nothing else", () => {
    const otherSignature = name.startsWith("intoto") ? base64(base64("other")) : base64("other");
    expect(() => bind(replaced(entry, doubled, otherSignature))).toThrow(
      refused("another signature"),
    );
    const [hex, b64] = [hash("sha256", digest, "hex"), hash("sha256", digest, "base64")];
    const from = name === "hashedrekord 0.0.2" ? b64 : hex;
    const to = name === "hashedrekord 0.0.2" ? base64(Buffer.alloc(32)) : "00".repeat(32);
    expect(() => bind(replaced(entry, from, to))).toThrow(refused("another"));
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
    const key = other.export({ type: "spki", format: "der" });
    expect(() => requireBoundEntry(entry, content, key)).toThrow(refused("another signer"));
  });

  it("says the same kind as the bundle", () => {
    expect(() => bind({ ...entry, version: "0.0.9" })).toThrow(
      refused("the bundle says otherwise"),
    );
  });
});

describe("refuses", () => {
  const dsse = bodies["dsse 0.0.1"];
  const rekord = bodies["hashedrekord 0.0.2"];
  it.each<[string, LogEntry]>([
    ["which is not known here", entryOf("rekord 0.0.1", dsse)],
    ["which is not known here", entryOf("dsse 0.0.2", dsse)],
    ["spec is missing", entryOf("dsse 0.0.1", undefined)],
    [
      "has more than one signature",
      entryOf("dsse 0.0.1", dsse, ({ spec }) => spec.signatures.push(spec.signatures[0])),
    ],
    [
      "is not an object",
      entryOf("dsse 0.0.1", dsse, ({ spec }) => {
        spec.signatures = [];
      }),
    ],
    [
      "is not sha256",
      entryOf("dsse 0.0.1", dsse, ({ spec }) => {
        spec.payloadHash.algorithm = "md5";
      }),
    ],
    [
      "is not SHA2_256",
      entryOf("hashedrekord 0.0.2", rekord, ({ spec }) => {
        spec.hashedRekordV002.data.algorithm = "SHA2_512";
      }),
    ],
    [
      "verifier.publicKey is missing",
      entryOf("hashedrekord 0.0.2", rekord, ({ spec }) => {
        spec.hashedRekordV002.signature.verifier = {};
      }),
    ],
    [
      "another signer",
      entryOf("dsse 0.0.1", dsse, ({ spec }) => {
        spec.signatures[0].verifier = base64("-----BEGIN PUBLIC KEY-----\nAAAA\n");
      }),
    ],
    [
      "is not base64 in base64",
      entryOf("intoto 0.0.2", bodies["intoto 0.0.2"], ({ spec }) => {
        spec.content.envelope.signatures[0].sig = base64("not base64!");
      }),
    ],
    ["is not JSON", { ...entryOf("dsse 0.0.1", dsse), body: Buffer.from("{") }],
    ["is not an object", { ...entryOf("dsse 0.0.1", dsse), body: Buffer.from("[]") }],
  ])("%s", (message, entry) => {
    expect(() => requireBoundEntry(entry, content, spki)).toThrow(refused(message));
  });
});
