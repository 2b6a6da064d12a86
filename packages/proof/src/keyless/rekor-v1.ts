import { parseJson } from "@ctxpack/oci";
import { Fields } from "../bundle/fields.ts";
import { encodeBase64 } from "../dsse/base64.ts";
import { malformed } from "../http/failure.ts";
import { serviceUrl } from "../http/service-url.ts";
import type { MetricsSink } from "../metrics.ts";
import type { Witness } from "../sign/signer.ts";
import { createEntry, ownEntry } from "./log-answer.ts";
import { timed } from "./phase.ts";
import { PUBLIC_GOOD } from "./public-good.ts";

export interface RekorV1WitnessOptions {
  /** Base URL of the log. Default: the public one. */
  readonly url?: string | undefined;
  readonly metrics?: MetricsSink | undefined;
}

const DEADLINE_MS = 30_000;

/**
 * A transparency log that speaks Rekor v1: the statement's digest, the signature and who made it are public then, for good.
 * It vouches for the time. The entry that comes back is ours, else it throws `CTXPACK_E_PROOF_LOG`; `CTXPACK_E_PROTOCOL`
 * for an answer of another form, `CTXPACK_E_CONFIG` for the URL.
 */
export function rekorV1Witness(options: RekorV1WitnessOptions = {}): Witness {
  const base = serviceUrl(options.url ?? PUBLIC_GOOD.rekorV1Url, "Rekor");
  const service = "Rekor";
  const url = new URL("api/v1/log/entries", base);
  return {
    async witness(signed, { signal } = {}) {
      const { identity, envelope } = signed;
      const verifier = identity.kind === "key" ? identity.publicKey : identity.certificate;
      const proposedContent = { envelope, verifiers: [encodeBase64(Buffer.from(verifier))] };
      const proposed = { apiVersion: "0.0.1", kind: "dsse", spec: { proposedContent } };
      const { body } = await timed(options.metrics, "rekor", () =>
        createEntry({ service, url, deadlineMs: DEADLINE_MS }, proposed, signal),
      );
      return { tlogEntries: [ownEntry(entryJson(body, { service, url }), signed)] };
    },
  };
}

/** Rekor's own form of an entry as the one that bundles have. */
function entryJson(body: Buffer, asked: { readonly service: string; readonly url: URL }): object {
  const place = {
    code: "CTXPACK_E_PROTOCOL",
    where: "Rekor's answer",
    path: "Rekor's answer",
  } as const;
  const byId = parseJson(body, place);
  const [entry, ...more] = typeof byId === "object" ? Object.values(byId ?? {}) : [];
  if (entry === undefined || more.length > 0) throw malformed(asked, "gives not exactly one entry");
  const fields = new Fields(entry, place);
  const verification = fields.required("verification");
  const proof = verification.required("inclusionProof");
  return {
    logIndex: fields.int64("logIndex"),
    logId: { keyId: fromHex(fields.text("logID")) },
    kindVersion: { kind: "dsse", version: "0.0.1" },
    integratedTime: fields.int64("integratedTime"),
    inclusionPromise: { signedEntryTimestamp: verification.text("signedEntryTimestamp") },
    inclusionProof: {
      logIndex: proof.int64("logIndex"),
      rootHash: fromHex(proof.text("rootHash")),
      treeSize: proof.int64("treeSize"),
      hashes: proof.list("hashes").map((hash) => fromHex(String(hash))),
      checkpoint: { envelope: proof.text("checkpoint") },
    },
    canonicalizedBody: fields.text("body"),
  };
}

/** What is no hex becomes no bytes, which is refused where the entry is read. */
function fromHex(hex: string): string {
  return /^(?:[0-9a-f]{2})*$/.test(hex) ? encodeBase64(Buffer.from(hex, "hex")) : "";
}
