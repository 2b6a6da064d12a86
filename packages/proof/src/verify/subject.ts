import { CtxPackError, type Digest, digestHex } from "@ctxpack/identity";
import type { Subject } from "../statement/statement.ts";
import type { VerifiedBundle } from "./verified-bundle.ts";

/**
 * The subject of a verified statement that has this digest: that the statement is about what was asked for.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_SUBJECT` when none has.
 */
export function requireSubject(
  verified: Pick<VerifiedBundle, "statement">,
  digest: Digest,
): Subject {
  const { subject: subjects } = verified.statement;
  const hex = digestHex(digest);
  const subject = subjects.find((candidate) => candidate.digest["sha256"] === hex);
  if (subject !== undefined) return subject;
  const found = subjects
    .slice(0, 3)
    .flatMap(({ digest: other }) => Object.entries(other).map((pair) => pair.join(":")));
  const more = subjects.length > 3 ? ` and ${subjects.length - 3} more` : "";
  throw new CtxPackError(
    "CTXPACK_E_PROOF_SUBJECT",
    `the statement is not about ${digest} but about ${found.join(", ") || "nothing"}${more}`,
    {
      hint: "a proof counts for the very bytes that were signed; it may belong to another pack or tag",
      details: { expected: digest, found },
    },
  );
}
