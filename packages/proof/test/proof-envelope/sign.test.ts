import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  createProofEnvelope,
  createStatement,
  type JsonObject,
  PROOF_ENVELOPE_TYPE,
  type ProofEnvelope,
  type SignatureOptions,
  signProofEnvelope,
  signStatement,
  verifyBundle,
  verifyProofEnvelope,
} from "@ctxpack/proof";
import { expect, it } from "vitest";
import { testKey } from "../fixture.ts";
import { IDENTITY, ISSUER, startAuthorities } from "../verify/authorities.ts";
import { workplace } from "../workplace.ts";
import { example } from "./example.ts";

const place = workplace();

/** A statement that anybody with a key could sign about an envelope. */
async function signed(
  envelope: ProofEnvelope,
  signer: Awaited<ReturnType<typeof testKey>>["signer"],
  change: { predicateType?: string; predicate?: JsonObject; hex?: string } = {},
): Promise<Uint8Array> {
  const hex = change.hex ?? envelope.artifact.contentHash.hex;
  const statement = createStatement({
    subject: { name: "a", digest: `sha256:${hex}` },
    predicateType: change.predicateType ?? PROOF_ENVELOPE_TYPE,
    predicate: change.predicate ?? (envelope as unknown as JsonObject),
  });
  return (await signStatement(statement, { signer })).bytes;
}

it("signs an in-toto statement about the artifact, with the envelope as its predicate", async () => {
  const base = await place();
  const envelope = await createProofEnvelope(example(base));
  const { signer, named, keyId } = await testKey();
  const { bytes } = await signProofEnvelope(envelope, { signer, base });
  const { statement } = await verifyBundle(bytes, { keys: [named], trustRoots: [] });
  expect(statement).toMatchObject({
    subject: [{ name: "answer.json", digest: { sha256: envelope.artifact.contentHash.hex } }],
    predicateType: PROOF_ENVELOPE_TYPE,
    predicate: envelope,
  });
  const signatures = { bundles: [bytes], keys: [named] };
  expect(await verifyProofEnvelope(envelope, { base, signatures })).toMatchObject({
    valid: true,
    signers: [{ kind: "key", keyId, name: "ci" }],
  });
});

it("does not sign what does not hold", async () => {
  const base = await place();
  const envelope = await createProofEnvelope(example(base));
  const { signer } = await testKey();
  writeFileSync(join(base, "answer.json"), "other");
  writeFileSync(join(base, "sealed.bin"), "other");
  await expect(signProofEnvelope(envelope, { signer, base })).rejects.toMatchObject({
    code: "CTXPACK_E_DIGEST_MISMATCH",
    message: expect.stringContaining("(and 1 more)"),
    details: { issues: [{ pointer: "/artifact" }, { pointer: "/context/sealedRef" }] },
  });
});

it("counts only signatures of this envelope, by a known key, and says why others do not", async () => {
  const base = await place();
  const envelope = await createProofEnvelope(example(base));
  const { signer, named } = await testKey();
  const stranger = await testKey("stranger");
  const other = { ...envelope, id: envelope.id.replace(/^./, "1") };
  const code = async (bundles: Uint8Array[], more: Partial<SignatureOptions> = {}) => {
    const signatures = { bundles, keys: [named], ...more };
    const { issues, signers } = await verifyProofEnvelope(envelope, { base, signatures });
    return [...issues.map((issue) => issue.error), ...signers.map(({ kind }) => kind)];
  };
  const good = await signed(envelope, signer);
  const provenance = { predicateType: "https://slsa.dev/provenance/v1" };
  expect(await code([])).toEqual(["CTXPACK_E_PROOF_MISSING"]);
  expect(await code([await signed(envelope, stranger.signer)])).toEqual(["CTXPACK_E_PROOF_KEY"]);
  expect(await code([await signed(other, signer)])).toEqual(["CTXPACK_E_PROOF_SUBJECT"]);
  expect(await code([await signed(envelope, signer, { hex: "ab".repeat(32) })])).toEqual([
    "CTXPACK_E_PROOF_SUBJECT",
  ]);
  expect(await code([await signed(envelope, signer, provenance)])).toEqual([
    "CTXPACK_E_PROOF_PREDICATE",
  ]);
  expect(await code([Buffer.from("{}")])).toEqual(["CTXPACK_E_PROOF_BUNDLE"]);
  expect(await code([await signed(other, signer), good])).toEqual(["key"]);
  expect(await code([good], { keys: [] })).toEqual(["CTXPACK_E_PROOF_KEY"]);
});

it("verifies attestations inside when it is asked who signed", async () => {
  const base = await place();
  const input = example(base);
  const { signer, named } = await testKey();
  const bare = await createProofEnvelope(input);
  const predicateType = "https://slsa.dev/provenance/v1";
  const attestation = async (hex?: string) => ({
    type: "in-toto" as const,
    predicateType,
    statement: Buffer.from(
      await signed(bare, signer, { predicateType, predicate: {}, ...(hex && { hex }) }),
    ).toString("base64"),
    signing: { method: "sigstore", issuer: "key" },
  });
  const attestations = [await attestation(), await attestation("ab".repeat(32))];
  const envelope = await createProofEnvelope({ ...input, attestations });
  const { bytes } = await signProofEnvelope(envelope, { signer, base });
  const signatures = { bundles: [bytes], keys: [named] };
  const { issues } = await verifyProofEnvelope(envelope, { base, signatures });
  expect(issues).toEqual([
    expect.objectContaining({
      code: "attestation-refused",
      pointer: "/attestations/1",
      error: "CTXPACK_E_PROOF_SUBJECT",
    }),
  ]);
  const unasked = await verifyProofEnvelope(envelope, { base });
  expect(unasked.unchecked).toEqual(expect.arrayContaining(["/attestations/0", "/attestations/1"]));
});

it("counts a certificate only for the identities that are named, exactly", async () => {
  const base = await place();
  const envelope = await createProofEnvelope(example(base));
  const authorities = await startAuthorities();
  const signer = await authorities.certificateSigner();
  const witnesses = [authorities.log];
  const { bytes } = await signProofEnvelope(envelope, { signer, witnesses, base });
  const verified = async (identities: SignatureOptions["identities"]) => {
    const trustRoots = [authorities.root];
    const signatures = { bundles: [bytes], keys: [], trustRoots, identities };
    return await verifyProofEnvelope(envelope, { base, signatures });
  };
  expect(await verified([{ identity: IDENTITY, issuer: ISSUER }])).toMatchObject({
    valid: true,
    signers: [{ kind: "certificate", identity: IDENTITY, issuer: ISSUER }],
  });
  for (const identities of [
    undefined,
    [],
    [{ identity: IDENTITY.slice(0, -1), issuer: ISSUER }],
    [{ identity: IDENTITY, issuer: `${ISSUER}/` }],
  ]) {
    expect((await verified(identities)).issues).toMatchObject([
      { code: "signature-refused", error: "CTXPACK_E_PROOF_SIGNER" },
    ]);
  }
});
