import { createHash, type KeyPairKeyObjectResult } from "node:crypto";
import { initializeTLog } from "@sigstore/mock";
import type { Answering } from "./faults.ts";

interface Proposed {
  readonly kind: string;
  readonly apiVersion: string;
  readonly spec: {
    readonly proposedContent: { readonly envelope: string; readonly verifiers: string[] };
  };
}

/**
 * Rekor v1 for entries of kind `dsse`: what is logged are the digests of envelope and payload, as the real one does it; an
 * entry that is there already is 409 and where it is.
 */
export async function rekorV1(origin: string, keys: KeyPairKeyObjectResult): Promise<Answering> {
  const log = await initializeTLog(origin, keys);
  const entries = new Map<string, string>();
  return async ({ method, url, body }) => {
    const id = url.split("/").at(-1) ?? "";
    if (method === "GET") {
      const entry = entries.get(id);
      return entry === undefined ? { status: 404, body: "no such entry" } : json(200, entry);
    }
    const proposed = JSON.parse(body) as Proposed;
    if (`${proposed.kind} ${proposed.apiVersion}` !== "dsse 0.0.1") {
      return { status: 400, body: "unsupported kind" };
    }
    const canonical = canonicalBody(proposed);
    const uuid = sha256(JSON.stringify(canonical));
    const location = `/api/v1/log/entries/${uuid}`;
    if (entries.has(uuid)) {
      return {
        ...json(409, '{"code":409,"message":"an equivalent entry already exists"}'),
        headers: { location },
      };
    }
    const entry = Object.values(await log.log(canonical))[0];
    entries.set(uuid, JSON.stringify({ [uuid]: entry }));
    return json(201, entries.get(uuid) ?? "");
  };
}

function canonicalBody({ spec: { proposedContent } }: Proposed): object {
  const { envelope, verifiers } = proposedContent;
  const { payload, signatures } = JSON.parse(envelope) as {
    readonly payload: string;
    readonly signatures: readonly { readonly sig: string }[];
  };
  return {
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: {
      envelopeHash: { algorithm: "sha256", value: sha256(envelope) },
      payloadHash: { algorithm: "sha256", value: sha256(Buffer.from(payload, "base64")) },
      signatures: signatures.map(({ sig }, index) => ({
        signature: sig,
        verifier: verifiers[index],
      })),
    },
  };
}

function sha256(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function json(status: number, body: string) {
  return { status, body, headers: { "content-type": "application/json" } };
}
