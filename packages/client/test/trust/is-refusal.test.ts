import { CtxPackError, type CtxPackErrorCode } from "@ctxpack/identity";
import { expect, it } from "vitest";
import { isNoPack } from "../../src/search/is-no-pack.ts";
import { isRefusal } from "../../src/trust/is-refusal.ts";

it.each<[CtxPackErrorCode, boolean, boolean]>([
  ["CTXPACK_E_POLICY", true, true],
  ["CTXPACK_E_PROOF_MISSING", true, true],
  ["CTXPACK_E_PROOF_SIGNATURE", true, true],
  // Of the user's settings, and of the pantry: a search that took it for "no such pack" would hide it.
  ["CTXPACK_E_PROOF_TRUST_ROOT", false, false],
  ["CTXPACK_E_UNAVAILABLE", false, false],
  ["CTXPACK_E_NOT_FOUND", false, true],
])("%s: a refusal %s, no pack of ours %s", (code, refusal, noPack) => {
  const error = new CtxPackError(code, "said");
  expect([isRefusal(error), isNoPack(error)]).toEqual([refusal, noPack]);
});
