import { createPublicKey, X509Certificate } from "node:crypto";
import { logEntryJson, parseLogEntry } from "../bundle/log-entry.ts";
import { parseEnvelope } from "../dsse/envelope.ts";
import { malformed } from "../http/failure.ts";
import { request, type ServiceAnswer } from "../http/request.ts";
import type { Signed, SigningIdentity } from "../sign/signer.ts";
import { requireBoundEntry } from "../verify/log-binding.ts";
import { envelopeContent } from "../verify/signed-content.ts";

/** The longest answer of a log: it repeats what it was given, and a proof. */
const ANSWER_LIMIT = 8 << 20;

export interface LogService {
  readonly service: string;
  /** Where entries are created. */
  readonly url: URL;
  readonly deadlineMs: number;
}

/**
 * Gives a log an entry. When it has it already (409, also after a first try whose answer was lost) the one that it has is
 * fetched from where the log says, if that is the log itself.
 */
export async function createEntry(
  log: LogService,
  body: object,
  signal: AbortSignal | undefined,
): Promise<ServiceAnswer> {
  const common = { service: log.service, limit: ANSWER_LIMIT, signal };
  const end = performance.now() + log.deadlineMs;
  const created = await request({
    ...common,
    url: log.url,
    method: "POST",
    body,
    deadlineMs: log.deadlineMs,
    expect: [200, 201, 409],
  });
  if (created.status !== 409) return created;
  const location = [created.headers["location"]].flat()[0];
  const url = location === undefined ? null : URL.parse(location, log.url.href);
  if (url === null || url.origin !== log.url.origin) {
    throw malformed(log, "has the entry already, and does not say where");
  }
  return request({
    ...common,
    url,
    method: "GET",
    deadlineMs: end - performance.now(),
    expect: [200],
  });
}

/**
 * The entry as it goes into a bundle: whole, and about this signature, of these bytes, by this signer.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_LOG`.
 */
export function ownEntry(json: unknown, signed: Signed): object {
  const place = { code: "CTXPACK_E_PROOF_LOG", path: "the log's answer" } as const;
  const entry = parseLogEntry(json, place);
  const envelope = parseEnvelope(JSON.parse(signed.envelope), { ...place, path: "the envelope" });
  requireBoundEntry(entry, envelopeContent(envelope), signerDer(signed.identity));
  return logEntryJson(entry);
}

/** The leaf certificate, or the key (SPKI). */
export function signerDer(identity: SigningIdentity): Buffer {
  return identity.kind === "certificate"
    ? new X509Certificate(identity.certificate).raw
    : createPublicKey(identity.publicKey).export({ type: "spki", format: "der" });
}
