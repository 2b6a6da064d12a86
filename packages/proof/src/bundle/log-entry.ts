import { encodeBase64 } from "../dsse/base64.ts";
import type { InclusionProof, LogEntry } from "./bundle.ts";
import { Fields, type FieldsPlace } from "./fields.ts";

const ENTRY = [
  "logIndex",
  "logId",
  "kindVersion",
  "integratedTime",
  "inclusionPromise",
  "inclusionProof",
  "canonicalizedBody",
];
const PROOF = ["logIndex", "rootHash", "treeSize", "hashes", "checkpoint"];

/** Reads the JSON of a TransparencyLogEntry. Throws `place.code`. */
export function parseLogEntry(value: unknown, place: FieldsPlace): LogEntry {
  const fields = new Fields(value, place, ENTRY);
  const kindVersion = fields.required("kindVersion", ["kind", "version"]);
  const logId = fields.required("logId", ["keyId"]).bytes("keyId");
  const body = fields.bytes("canonicalizedBody");
  if (logId.length === 0) fields.fail("logId.keyId", "is empty");
  if (body.length === 0) fields.fail("canonicalizedBody", "is empty");
  return {
    logIndex: fields.int64("logIndex"),
    logId,
    kind: kindVersion.text("kind"),
    version: kindVersion.text("version"),
    integratedTime: fields.int64("integratedTime"),
    promise: parsePromise(fields),
    proof: parseProof(fields),
    body,
  };
}

function parsePromise(entry: Fields): Uint8Array | undefined {
  const promise = entry.message("inclusionPromise", ["signedEntryTimestamp"]);
  const timestamp = promise?.bytes("signedEntryTimestamp");
  if (timestamp?.length === 0) entry.fail("inclusionPromise.signedEntryTimestamp", "is empty");
  return timestamp;
}

function parseProof(entry: Fields): InclusionProof | undefined {
  const proof = entry.message("inclusionProof", PROOF);
  if (proof === undefined) return undefined;
  const checkpoint = proof.required("checkpoint", ["envelope"]).text("envelope");
  if (checkpoint === "") entry.fail("inclusionProof.checkpoint.envelope", "is empty");
  const hashes = proof.list("hashes").map((_, index, all) => {
    const item = new Fields({ hash: all[index] }, proof.place("hashes", index));
    return hashOf(item, "hash");
  });
  return {
    logIndex: proof.int64("logIndex"),
    rootHash: hashOf(proof, "rootHash"),
    treeSize: proof.int64("treeSize"),
    hashes,
    checkpoint,
  };
}

function hashOf(fields: Fields, name: string): Uint8Array {
  const bytes = fields.bytes(name);
  if (bytes.length !== 32) fields.fail(name, "is not the 32 bytes of a SHA-256");
  return bytes;
}

/** The JSON of a TransparencyLogEntry: int64 as strings, defaults left out. */
export function logEntryJson(entry: LogEntry): object {
  const { promise, proof } = entry;
  return {
    ...number("logIndex", entry.logIndex),
    logId: { keyId: encodeBase64(entry.logId) },
    kindVersion: { kind: entry.kind, version: entry.version },
    ...number("integratedTime", entry.integratedTime),
    ...(promise && { inclusionPromise: { signedEntryTimestamp: encodeBase64(promise) } }),
    ...(proof && { inclusionProof: proofJson(proof) }),
    canonicalizedBody: encodeBase64(entry.body),
  };
}

function proofJson(proof: InclusionProof): object {
  return {
    ...number("logIndex", proof.logIndex),
    rootHash: encodeBase64(proof.rootHash),
    ...number("treeSize", proof.treeSize),
    ...(proof.hashes.length > 0 && { hashes: proof.hashes.map(encodeBase64) }),
    checkpoint: { envelope: proof.checkpoint },
  };
}

function number(name: string, digits: string): object {
  return digits === "0" ? {} : { [name]: digits };
}
