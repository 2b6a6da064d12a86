import {
  CtxPackError,
  canonicalBytes,
  type Digest,
  digestHex,
  isDigest,
  type JsonValue,
} from "@ctxpack/identity";
import type { JsonObject } from "./members.ts";
import { MAX_STATEMENT } from "./parse.ts";
import { STATEMENT_TYPE, type Statement } from "./statement.ts";

/** What a statement is to be about, and what it is to say. */
export interface StatementInput {
  /**
   * `name`: the repository without a tag (`ghcr.io/acme/packs`), or a file's base name; `digest`: of the manifest,
   * or of the file.
   */
  readonly subject: { readonly name: string; readonly digest: Digest };
  readonly predicateType: string;
  readonly predicate: JsonObject;
}

/**
 * An in-toto statement about one thing, as cosign, GitHub and sigstore-python all read it.
 *
 * @throws CtxPackError `CTXPACK_E_USAGE` for an empty name, a digest that is none, or a predicate type that is no URI.
 */
export function createStatement(input: StatementInput): Statement {
  const { subject, predicateType, predicate } = input;
  if (subject.name === "") throw usage("the subject of a statement needs a name");
  if (!isDigest(subject.digest)) {
    throw usage(`${JSON.stringify(subject.digest)} is no digest of a subject`);
  }
  if (!URL.canParse(predicateType)) {
    throw usage(`the predicate type ${JSON.stringify(predicateType)} is not a URI`);
  }
  return {
    _type: STATEMENT_TYPE,
    subject: [{ name: subject.name, digest: { sha256: digestHex(subject.digest) } }],
    predicateType,
    predicate,
  };
}

/**
 * The bytes of a statement that are signed: canonical JSON in UTF-8, so that the same facts give the same bytes.
 *
 * @throws CtxPackError `CTXPACK_E_TOO_LARGE` for more than the 1 MiB that a verifier reads.
 */
export function statementBytes(statement: Statement): Uint8Array {
  const bytes = canonicalBytes(statement as unknown as JsonValue);
  if (bytes.length <= MAX_STATEMENT) return bytes;
  throw new CtxPackError(
    "CTXPACK_E_TOO_LARGE",
    `a statement of ${bytes.length} bytes; verifiers read at most ${MAX_STATEMENT}`,
    { hint: "put large lists into a file of their own and refer to it by digest" },
  );
}

function usage(message: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_USAGE", message);
}
