import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CtxPackError, Digest } from "@ctxpack/identity";
import { requireSubject, verifyBundle } from "@ctxpack/proof";
import { expect, test } from "vitest";

interface Vectors {
  readonly subject: Digest;
  readonly keys: Readonly<Record<string, string>>;
  readonly bundles: readonly { what: string; bundle: object; code: string | null }[];
}

const { subject, keys, bundles }: Vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, "../vectors/bundles.json"), "utf8"),
);
const named = Object.entries(keys).map(([name, pem]) => ({
  name,
  publicKey: createPublicKey(pem),
}));

test.each(bundles)("$what", async ({ bundle, code }) => {
  const bytes = new TextEncoder().encode(JSON.stringify(bundle));
  const verdict = await verifyBundle(bytes, { keys: named, trustRoots: [] })
    .then((verified) => requireSubject(verified, subject))
    .then(
      () => null,
      (error: CtxPackError) => error.code,
    );
  expect(verdict).toBe(code);
});
