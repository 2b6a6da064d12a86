import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CtxPackError,
  type Digest,
  legacyUri,
  parseResolvedContract,
  readContract,
  resolveContract,
} from "@ctxpack/identity";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GeneratedContract, type PackRows, writeContract } from "./contracts.ts";
import { jsonText } from "./json.ts";
import { writeLegacyContract } from "./legacy.ts";
import { askPython, checkVectors, hasPython, type OracleAnswer } from "./oracle.ts";
import { Random } from "./random.ts";
import { yamlText } from "./yaml.ts";

const CONTRACTS = 500;
const LEGACY = 100;
// Any seed must do; the variable lets a doubter try others.
const SEED = Number(process.env["CTXPACK_TEST_SEED"] ?? 20261120);

const python = hasPython();
if (!python) console.warn("skipped: the independent identity check needs python3");

interface Case {
  readonly folder: string;
  readonly generated: GeneratedContract;
  readonly expected: OracleAnswer;
}

describe.skipIf(!python)(`identity.py, seed ${SEED}`, () => {
  let root = "";
  let cases: Case[] = [];

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "ctxpack-independent-"));
    cases = await generate(root, CONTRACTS);
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it("draws contracts of every kind, most of them good", () => {
    const good = cases.filter(({ expected }) => "uri" in expected);
    const holding = (part: string): number =>
      good.filter(({ expected }) => "uri" in expected && expected.canonical.includes(part)).length;
    expect(good.length).toBeGreaterThan(CONTRACTS * 0.7);
    expect(cases.length - good.length).toBeGreaterThan(CONTRACTS * 0.05);
    for (const part of [
      '"dirHash1:',
      '"sha256:',
      '"value":',
      '"env":{',
      '"params":{',
      '"command":[',
    ]) {
      expect(holding(part), part).toBeGreaterThan(CONTRACTS * 0.1);
    }
    expect(new Set(good.map(({ expected }) => ("uri" in expected ? expected.uri : ""))).size).toBe(
      good.length,
    );
  });

  it.each(["json", "yaml"] as const)("agrees on contracts written as %s", async (format) => {
    const disagreements: string[] = [];
    for (const { folder, generated, expected } of cases) {
      const found = await resolved(join(folder, `contract.${format}`), generated);
      const differs = difference(expected, found);
      if (differs) disagreements.push(`${folder}: ${differs}`);
    }
    expect(disagreements).toEqual([]);
  });

  it("agrees that a resolved contract resolves to itself", async () => {
    const good = cases.filter(({ expected }) => "uri" in expected).slice(0, 100);
    const files = good.map(({ folder }) => join(folder, "resolved.json"));
    for (const [i, { expected }] of good.entries()) {
      await writeFile(files[i] ?? "", "uri" in expected ? expected.canonical : "");
    }
    const answers = await askPython(files.map((contract) => ({ contract })));
    for (const [i, { expected }] of good.entries()) {
      expect(answers[i]).toEqual(expected);
      expect(await resolved(files[i] ?? "", { env: {}, packs: {} })).toEqual(expected);
    }
  });

  // V8's JSON.parse (Node 24.15, 26.10; nodejs/node#63785) gives the second object the first one's key.
  it("agrees on keys that V8's JSON.parse confuses", async () => {
    const folder = join(root, "keys");
    const files = ['"\\""', '"\\r"', '"\\u00e9"', '"\\u0073"'].map((key, i) => {
      const params = `{"x":{"k":false,"\\\\":1},"y":{"k":true,${key}:2}}`;
      return {
        file: join(folder, `${i}.json`),
        text: `{"transforms":[{"tool":"t","params":${params}}]}`,
      };
    });
    await mkdir(folder);
    for (const { file, text } of files) await writeFile(file, text);
    const expected = await askPython(files.map(({ file }) => ({ contract: file })));
    for (const [i, { file }] of files.entries()) {
      const found = await resolved(file, { env: {}, packs: {} });
      expect(found).toEqual(expected[i]);
      const again = parseResolvedContract(
        new TextEncoder().encode("canonical" in found ? found.canonical : ""),
      );
      expect(Object.keys(Object(again.transforms[0]?.params?.["y"]))).not.toContain("\\");
    }
  });

  it("agrees with the published vectors", async () => {
    const report = await checkVectors();
    expect(report.wrong).toEqual([]);
    expect(report.checked).toBeGreaterThanOrEqual(50);
  });

  it("agrees on identities of the first prototype (v0)", async () => {
    const random = new Random(SEED ^ 0x76_30);
    const contracts = random.times(LEGACY, (i) =>
      writeLegacyContract(join(root, `v0-${i}`), random),
    );
    const expected = await askPython(contracts.map(({ file }) => ({ contract: file, v0: true })));
    const disagreements: string[] = [];
    for (const [i, { text, folder }] of contracts.entries()) {
      const answer = expected[i];
      if (!answer || "error" in answer) throw new Error(`identity.py: ${folder}: ${answer?.error}`);
      const uri = await legacyUri(text, { baseDir: folder }).catch(String);
      if (uri !== answer.uri) disagreements.push(`${folder}: ${uri}, python ${answer.canonical}`);
    }
    expect(disagreements).toEqual([]);
  });
});

async function generate(root: string, count: number): Promise<Case[]> {
  const random = new Random(SEED);
  const drawn: { folder: string; generated: GeneratedContract }[] = [];
  for (let i = 0; i < count; i++) {
    const folder = join(root, String(i).padStart(3, "0"));
    const generated = writeContract(folder, random);
    await writeFile(join(folder, "contract.json"), jsonText(generated.contract, random));
    await writeFile(join(folder, "contract.yaml"), yamlText(generated.contract, random));
    drawn.push({ folder, generated });
  }
  const expected = await askPython(
    drawn.map(({ folder, generated: { env, packs } }) => ({
      contract: join(folder, "contract.json"),
      env,
      packs,
    })),
  );
  return drawn.map((one, i) => ({ ...one, expected: expected[i] ?? { error: "no answer" } }));
}

/** What `@ctxpack/identity` says; only its own errors count as "refused". */
async function resolved(
  file: string,
  { env, packs }: { env: Record<string, string>; packs: PackRows },
): Promise<OracleAnswer> {
  try {
    const contract = await readContract(file);
    const { uri, bytes } = await resolveContract(contract, {
      baseDir: join(file, ".."),
      env,
      packs: { lines: async (uri) => rows(packs[uri]) },
    });
    return { uri, canonical: new TextDecoder().decode(bytes) };
  } catch (error) {
    if (error instanceof CtxPackError) return { error: `${error.code}: ${error.message}` };
    throw error;
  }
}

function rows(pack: PackRows[string] | undefined): { path: string; digest: Digest }[] {
  return (pack ?? []).map(([path, digest]) => ({ path, digest: digest as Digest }));
}

function difference(expected: OracleAnswer, found: OracleAnswer): string | undefined {
  if ("error" in expected) {
    return "error" in found
      ? undefined
      : `python refuses (${expected.error}), we say ${found.canonical}`;
  }
  if ("error" in found) return `we refuse (${found.error}), python says ${expected.canonical}`;
  if (expected.canonical !== found.canonical)
    return `${found.canonical}\n  python ${expected.canonical}`;
  return expected.uri === found.uri ? undefined : `${found.uri}, python ${expected.uri}`;
}
