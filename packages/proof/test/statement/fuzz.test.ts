// What strangers write is read or refused with a code that says so; nothing else ever comes out.
import {
  CtxPackError,
  canonicalBytes,
  type JsonValue,
  type ResolvedContract,
} from "@ctxpack/identity";
import {
  checkProvenanceContract,
  createStatement,
  isPackProvenance,
  PROVENANCE_TYPE,
  packProvenance,
  parseProofEnvelope,
  parseProvenance,
  parseStatement,
  readPackProvenance,
  STATEMENT_TYPE,
  type Statement,
  statementBytes,
} from "@ctxpack/proof";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
const contract: fc.Arbitrary<ResolvedContract> = fc.record({
  schema: fc.constant("ctxpack.contract/v1" as const),
  inputs: fc
    .uniqueArray(
      fc.oneof(
        fc.record({
          name: fc.stringMatching(/^[a-z]{1,8}$/),
          digest: hex.map((one) => `sha256:${one}` as const),
        }),
        fc.record({
          name: fc.stringMatching(/^[a-z]{1,8}$/),
          digest: hex.map((one) => `dirHash1:${one}` as const),
        }),
        fc.record({ name: fc.stringMatching(/^[a-z]{1,8}$/), value: fc.constant({ a: 1 }) }),
      ),
      { selector: ({ name }) => name, maxLength: 6 },
    )
    .map((inputs) => inputs.toSorted((a, b) => (a.name < b.name ? -1 : 1))),
  transforms: fc.array(
    fc.record(
      {
        tool: word,
        tool_version: word,
        model: word,
        code_hash: hex.map((one) => `dirHash1:${one}`),
        env: fc.dictionary(fc.stringMatching(/^[A-Z]{1,6}$/), fc.constant(null), {
          minKeys: 1,
          maxKeys: 3,
        }),
      },
      { requiredKeys: ["tool"] },
    ),
    { minLength: 1, maxLength: 3 },
  ),
});

function statementOf(predicate: object): Statement {
  const subject = { name: "a", digest: `sha256:${"ab".repeat(32)}` } as const;
  return createStatement({ subject, predicateType: PROVENANCE_TYPE, predicate: { ...predicate } });
}

/** The code of what it throws; nothing when it does not. */
function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!CtxPackError.isInstance(error)) throw error;
    return error.code;
  }
}

describe("provenance of any contract", () => {
  it("is read as it was written, holds for its contract and for no other", () => {
    fc.assert(
      fc.property(contract, contract, (one, other) => {
        const bytes = canonicalBytes(one as unknown as JsonValue);
        const predicate = packProvenance({ contract: bytes, kind: "run", versions: { a: "1" } });
        const read = parseStatement(statementBytes(statementOf(predicate)));
        const provenance = parseProvenance(read);
        checkProvenanceContract(provenance, bytes);
        const { transforms } = readPackProvenance(provenance);
        expect(transforms.map(({ tool }) => tool)).toEqual(one.transforms.map(({ tool }) => tool));
        const others = canonicalBytes(other as unknown as JsonValue);
        if (Buffer.compare(bytes, others) === 0) return;
        const code = codeOf(() => checkProvenanceContract(provenance, others));
        expect(code).toBe("CTXPACK_E_PROOF_CONTRACT");
      }),
    );
  });
});

describe("any bytes and values", () => {
  const good = packProvenance({
    contract: new TextEncoder().encode(
      '{"inputs":[],"schema":"ctxpack.contract/v1","transforms":[{"tool":"t"}]}',
    ),
    kind: "seed",
    versions: { ctxpack: "1" },
  });

  it("are a statement, or refused as none", () => {
    const bytes = statementBytes(statementOf(good));
    const edit = fc.record({ at: fc.nat({ max: bytes.length - 1 }), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        const changed = bytes.slice();
        for (const { at, byte } of edits) changed[at] = byte;
        const code = codeOf(() => parseStatement(changed));
        expect([undefined, "CTXPACK_E_PROOF_STATEMENT"]).toContain(code);
      }),
      { numRuns: 1000 },
    );
  });

  it("are provenance, or refused with one of its codes", () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    const places = [
      "buildDefinition",
      "runDetails",
      "buildDefinition/externalParameters",
      "buildDefinition/resolvedDependencies",
      "buildDefinition/resolvedDependencies/0",
      "buildDefinition/resolvedDependencies/0/annotations",
      "buildDefinition/resolvedDependencies/0/annotations/ctxpack_transforms",
      "buildDefinition/resolvedDependencies/0/annotations/ctxpack_role",
      "buildDefinition/resolvedDependencies/0/digest",
      "runDetails/builder",
      "runDetails/metadata",
      "runDetails/byproducts",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...places), value, (place, put) => {
        const predicate = JSON.parse(JSON.stringify(good));
        const steps = place.split("/");
        const last = steps.pop() as string;
        steps.reduce((at, step) => at[step], predicate)[last] = put;
        const statement = { ...statementOf(good), _type: STATEMENT_TYPE, predicate } as Statement;
        const code = codeOf(() => {
          const provenance = parseProvenance(statement);
          if (isPackProvenance(provenance)) readPackProvenance(provenance);
        });
        expect(code ?? "CTXPACK_E_PROOF_").toMatch(/^CTXPACK_E_PROOF_/);
      }),
      { numRuns: 1000 },
    );
  });

  it("are an envelope, or refused as none, however deep and long", () => {
    const parse = (text: string) =>
      codeOf(() => parseProofEnvelope(new TextEncoder().encode(text)));
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        expect(parse(JSON.stringify(value))).toBe("CTXPACK_E_PROOF_BUNDLE");
      }),
    );
    const length = (8 << 20) - 20;
    expect(parse("[".repeat(length / 2) + "]".repeat(length / 2))).toBe("CTXPACK_E_PROOF_BUNDLE");
    expect(parse(`{"id":"${"a".repeat(length)}"}`)).toBe("CTXPACK_E_PROOF_BUNDLE");
    expect(parse(`{"id":"${"\\n".repeat(length / 2)}"}`)).toBe("CTXPACK_E_PROOF_BUNDLE");
    expect(parse(`[${"{},".repeat(length / 3 - 2)}{}]`)).toBe("CTXPACK_E_PROOF_BUNDLE");
  });
});
