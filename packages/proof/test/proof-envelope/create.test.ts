import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  createProofEnvelope,
  getProofEnvelopeValidator,
  type ProofEnvelopeInput,
  parseProofEnvelope,
} from "@ctxpack/proof";
import { describe, expect, it } from "vitest";
import { validateEnvelope } from "../../src/proof-envelope/envelope.generated.ts";
import { workplace } from "../workplace.ts";
import { example } from "./example.ts";

const place = workplace();
const evidence = (more: object) =>
  ({ evidence: [{ type: "file", path: "report.md", ...more }] }) as Partial<ProofEnvelopeInput>;

describe("createProofEnvelope", () => {
  it.each<[string, Partial<ProofEnvelopeInput>, string]>([
    ["an artifact that is not there", { artifactPath: "none" }, "CTXPACK_E_PATH_NOT_FOUND"],
    ["an artifact that is a folder", { artifactPath: "files" }, "CTXPACK_E_TREE"],
    ["a bundle file that is not there", { bundlePaths: ["none"] }, "CTXPACK_E_PATH_NOT_FOUND"],
    [
      "evidence with another digest",
      evidence({ blobSha256: "ab".repeat(32) }),
      "CTXPACK_E_DIGEST_MISMATCH",
    ],
    [
      "evidence with a quote that stands nowhere",
      evidence({ quote: "nowhere" }),
      "CTXPACK_E_DIGEST_MISMATCH",
    ],
    [
      "evidence with too few lines",
      evidence({ lines: { start: 1, end: 9 } }),
      "CTXPACK_E_DIGEST_MISMATCH",
    ],
    [
      "a quote's other digest",
      evidence({ quote: "one", quoteSha256: "ab".repeat(32) }),
      "CTXPACK_E_DIGEST_MISMATCH",
    ],
    [
      "lines that end before they start",
      evidence({ lines: { start: 3, end: 2 } }),
      "CTXPACK_E_USAGE",
    ],
    ["an empty type", { artifactMime: "" }, "CTXPACK_E_USAGE"],
    ["an actor without a name", { actor: { agent: "", role: "a" } }, "CTXPACK_E_USAGE"],
    ["a context that is no JSON", { publicContext: { a: Number.NaN } }, "CTXPACK_E_USAGE"],
    ["a trace that is none", { trace: { otel: { traceId: "1" } } }, "CTXPACK_E_USAGE"],
    ["a secret's name in the context", { publicContext: { api_key: "x" } }, "CTXPACK_E_SECRET"],
    [
      "a secret in the parameters",
      { runtime: { model: "m", parameters: { a: `ghp_${"a".repeat(36)}` } } },
      "CTXPACK_E_SECRET",
    ],
    ["a secret in a quote", evidence({ quote: `AKIA${"A".repeat(16)}` }), "CTXPACK_E_SECRET"],
  ])("refuses %s", async (_, change, code) => {
    const base = await place();
    await expect(createProofEnvelope({ ...example(base), ...change })).rejects.toMatchObject({
      code,
    });
  });

  it("names the place of a secret, never the secret", async () => {
    const base = await place();
    const token = `ghp_${"a".repeat(36)}`;
    const input = { ...example(base), publicContext: { notes: [{ text: token }] } };
    const error = await createProofEnvelope(input).catch((caught: Error) => caught);
    expect((error as Error).message).toContain("/context/public/notes/0/text");
    expect(JSON.stringify(error)).not.toContain(token);
  });

  it("takes what looks like a secret and is allowed", async () => {
    const base = await place();
    const publicContext = { password: "none" };
    const allowSecret = ["/context/public/password"];
    const envelope = await createProofEnvelope({ ...example(base), publicContext, allowSecret });
    expect(envelope.context.public).toEqual(publicContext);
    const actor = { agent: `ghp_${"a".repeat(36)}`, role: "a" };
    await expect(createProofEnvelope({ ...example(await place()), actor })).rejects.toThrow(
      "/actor/agent",
    );
  });

  it("names files outside the envelope's folder relative to it, and one with a colon as no scheme", async () => {
    const base = await place();
    const input = example(base);
    writeFileSync(join(base, "a:b"), "1");
    mkdirSync(join(base, "proofs"));
    const outside = { ...input, base: join(base, "proofs"), bundlePaths: [join(base, "a:b")] };
    const evidence = [{ type: "file" as const, path: "../report.md" }];
    const artifactPath = join(base, "answer.json");
    const envelope = await createProofEnvelope({ ...outside, artifactPath, evidence });
    expect(envelope.artifact.uri).toBe("../answer.json");
    expect(envelope.bundle?.files[0]?.uri).toBe("../a%3Ab");
    expect(envelope.evidence[0]).toMatchObject({ path: "../report.md" });
  });

  it("does not change with what it was made from", async () => {
    const base = await place();
    const publicContext = { list: [1] };
    const envelope = await createProofEnvelope({ ...example(base), publicContext });
    publicContext.list.push(2);
    expect(envelope.context.public).toEqual({ list: [1] });
  });
});

describe("getProofEnvelopeValidator", () => {
  it("is one and the same, and says what is wrong", async () => {
    const validate = getProofEnvelopeValidator();
    expect(getProofEnvelopeValidator()).toBe(validate);
    const envelope = await createProofEnvelope(example(await place()));
    expect(validate(envelope)).toBeUndefined();
    const { id: _, ...without } = envelope;
    const [first] = envelope.evidence;
    const fault = (change: object) => validate({ ...envelope, ...change });
    expect([
      validate(without),
      validate([]),
      fault({ more: 1 }),
      fault({ id: "x" }),
      fault({ id: 1 }),
      fault({ specVersion: "0.2.0" }),
      fault({ proofSpec: "cortex-os/proof-artifact" }),
      fault({ issuedAt: "2026-13-01T00:00:00Z" }),
      fault({ bundle: { files: [] } }),
      fault({ evidence: [{ type: "person" }] }),
      fault({ evidence: Array.from({ length: 4097 }, () => first) }),
      fault({ evidence: [{ ...first, lines: { start: 0, end: 1 } }] }),
      fault({ evidence: [{ ...first, quote: "a".repeat(65_537) }] }),
      fault({ evidence: [{ ...first, quote: "" }] }),
    ]).toEqual([
      { pointer: "", message: '"id" is missing' },
      { pointer: "", message: "expected object" },
      { pointer: "", message: 'unknown key "more"' },
      { pointer: "/id", message: "expected a ULID" },
      { pointer: "/id", message: "expected string" },
      { pointer: "/specVersion", message: "expected 1.0.0" },
      { pointer: "/specVersion", message: "expected 0.2.0" },
      { pointer: "/issuedAt", message: "there is no such time" },
      { pointer: "/bundle/files", message: "is empty" },
      { pointer: "/evidence/0", message: "unknown type" },
      { pointer: "/evidence", message: "more than 4096 items" },
      { pointer: "/evidence/0/lines/start", message: "expected at least 1" },
      { pointer: "/evidence/0/quote", message: "longer than 65536 characters" },
      { pointer: "/evidence/0/quote", message: "is empty" },
    ]);
  });
});

describe("parseProofEnvelope", () => {
  const parse = (text: string) =>
    parseProofEnvelope(new TextEncoder().encode(text), "x.proof.json");

  it("reads what JSON.stringify writes", async () => {
    const envelope = await createProofEnvelope(example(await place()));
    expect(parse(JSON.stringify(envelope))).toEqual(envelope);
  });

  it("stops at the first error: a stranger's file could have millions", async () => {
    const envelope = await createProofEnvelope(example(await place()));
    const files = Array.from({ length: 1000 }, () => ({}));
    expect(validateEnvelope({ ...envelope, bundle: { files }, evidence: [{}, {}] })).toBe(false);
    expect(validateEnvelope.errors).toHaveLength(1);
  });

  it.each([
    ["nothing", ""],
    ["another thing", "{}"],
    ["a key twice", '{"id":1,"id":1}'],
    ["a megabyte of brackets", "[".repeat(500_000) + "]".repeat(500_000)],
    ["too much", " ".repeat((8 << 20) + 1)],
  ])("refuses %s and names the file", (_, text) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_PROOF_BUNDLE",
        message: expect.stringContaining("x.proof.json"),
      }),
    );
  });
});
