import { CtxPackError, sha256 } from "@ctxpack/identity";

/** A segment remembered under a digest it does not have would spoil later packs. */
export function expectSegmentDigest(raw: Uint8Array, expected: string, row: number): void {
  const found = sha256(raw);
  if (found === expected) return;
  throw new CtxPackError(
    "CTXPACK_E_PACK",
    `segment ${row} is ${found}, the index says ${expected}`,
    {
      details: { segment: row, expected, found },
    },
  );
}
