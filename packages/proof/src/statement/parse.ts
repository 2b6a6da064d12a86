import type { JsonValue } from "@ctxpack/identity";
import { parseJson } from "@ctxpack/oci";
import { checkDepth } from "./depth.ts";
import { DESCRIPTOR_MEMBERS, readDigestSet } from "./descriptor.ts";
import {
  at,
  listAt,
  type MemberPlace,
  objectAt,
  onlyMembers,
  optionalStringAt,
  refuse,
  stringAt,
} from "./members.ts";
import {
  EARLIER_STATEMENT_TYPE,
  STATEMENT_TYPE,
  type Statement,
  type Subject,
} from "./statement.ts";

/** Bytes of a statement, at most: 1 MiB. */
export const MAX_STATEMENT: number = 1 << 20;

/** Subjects of a statement, at most: what sigstore-go allows. */
const MAX_SUBJECTS = 1024;

const place: MemberPlace = { code: "CTXPACK_E_PROOF_STATEMENT", where: "statement", path: [] };

/**
 * Reads what a signature is about, so strictly that no two readers see two things in it: UTF-8 without BOM, no key
 * twice in one object, at most 1 MiB and 64 levels; exactly the members of an in-toto Statement v1, subjects with
 * members that in-toto names and lower-case hex digests. One of v0.1 is given back as the v1 that says the same.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_STATEMENT`, naming the JSON pointer.
 */
export function parseStatement(bytes: Uint8Array): Statement {
  if (bytes.length > MAX_STATEMENT) {
    throw refuse(place, `${bytes.length} bytes, at most ${MAX_STATEMENT} are allowed`);
  }
  const value = parseJson(bytes, place);
  checkDepth(value, place);
  const object = objectAt(value, place);
  const type = object["_type"];
  if (type !== STATEMENT_TYPE && type !== EARLIER_STATEMENT_TYPE) {
    throw refuse(at(place, "_type"), `expected ${STATEMENT_TYPE}`);
  }
  onlyMembers(object, ["_type", "subject", "predicateType", "predicate"], place);
  const subjects = listAt(object["subject"], at(place, "subject"), MAX_SUBJECTS);
  if (subjects.length === 0) throw refuse(at(place, "subject"), "is about nothing");
  return {
    _type: STATEMENT_TYPE,
    subject: subjects.map((subject, index) => readSubject(subject, at(place, "subject", index))),
    predicateType: stringAt(object["predicateType"], at(place, "predicateType")),
    // A statement whose type says everything may leave it out.
    predicate: objectAt(object["predicate"] ?? {}, at(place, "predicate")),
  };
}

function readSubject(value: JsonValue, subjectPlace: MemberPlace): Subject {
  const object = objectAt(value, subjectPlace);
  onlyMembers(object, DESCRIPTOR_MEMBERS, subjectPlace);
  const digest = readDigestSet(object["digest"], at(subjectPlace, "digest")) ?? {};
  if (Object.keys(digest).length === 0) throw refuse(subjectPlace, "has no digest");
  return { name: optionalStringAt(object["name"], at(subjectPlace, "name")) ?? "", digest };
}
