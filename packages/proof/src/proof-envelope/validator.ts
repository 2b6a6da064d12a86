import { CtxPackError } from "@ctxpack/identity";
import { parseJson } from "@ctxpack/oci";
import { checkDepth } from "../statement/depth.ts";
import { type SchemaFault, schemaFault } from "../statement/schema-fault.ts";
import { validateEnvelope } from "./envelope.generated.ts";
import { EARLIER_PROOF_SPEC, PROOF_SPEC, type ProofEnvelope } from "./envelope.ts";

/** Bytes of an envelope, at most: 8 MiB, some 40,000 bundle files. */
export const MAX_ENVELOPE: number = 8 << 20;

/** Says what is wrong with a value that should be an envelope; nothing when it is one. */
export type ProofEnvelopeValidator = (value: unknown) => SchemaFault | undefined;

/** The one validator of envelopes; compiled when this package was built, so there is nothing to warm up. */
export function getProofEnvelopeValidator(): ProofEnvelopeValidator {
  return validate;
}

function validate(value: unknown): SchemaFault | undefined {
  const fault = schemaFault(validateEnvelope, value);
  if (fault !== undefined) return fault;
  const { proofSpec, specVersion, evidence, issuedAt } = value as ProofEnvelope;
  const spec = [PROOF_SPEC, EARLIER_PROOF_SPEC].find(({ name }) => name === proofSpec);
  if (spec?.version !== specVersion) {
    return { pointer: "/specVersion", message: `expected ${spec?.version}` };
  }
  if (Number.isNaN(Date.parse(issuedAt))) {
    return { pointer: "/issuedAt", message: "there is no such time" };
  }
  for (const [index, one] of evidence.entries()) {
    if (one.type === "file" && one.lines !== undefined && one.lines.start > one.lines.end) {
      return { pointer: `/evidence/${index}/lines`, message: "ends before it starts" };
    }
  }
  return undefined;
}

/**
 * Reads an envelope, ours or the earlier system's.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_BUNDLE`, naming `name` and the JSON pointer: more than 8 MiB, not JSON in
 *   UTF-8, a key twice, deeper than 64 levels, or against the schema.
 */
export function parseProofEnvelope(bytes: Uint8Array, name = "proof envelope"): ProofEnvelope {
  const place = { code: "CTXPACK_E_PROOF_BUNDLE", where: name, path: [] } as const;
  if (bytes.length > MAX_ENVELOPE) {
    const message = `${name}: ${bytes.length} bytes, at most ${MAX_ENVELOPE} are allowed`;
    throw new CtxPackError(place.code, message);
  }
  const value = parseJson(bytes, place);
  checkDepth(value, place);
  const fault = validate(value);
  if (fault === undefined) return value as ProofEnvelope;
  const { pointer, message } = fault;
  throw new CtxPackError(place.code, `${name}${pointer && `, ${pointer}`}: ${message}`, {
    hint: "ctxpack proof create writes an envelope as it has to be",
    details: { pointer },
  });
}
