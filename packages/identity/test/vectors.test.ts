import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  CtxPackError,
  canonicalize,
  contractUri,
  type Digest,
  dirHashLines,
  hashTree,
  legacyBytes,
  legacyUri,
  parseContract,
  parseResolvedContract,
  parseUri,
  readContract,
  resolveContract,
  sha256,
} from "@ctxpack/identity";
import { afterEach, describe, expect, it } from "vitest";
import { readJson } from "../src/source/json.ts";
import { jsonValueOf } from "../src/source/value.ts";

interface Tree {
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
}

interface ContractVector {
  readonly what: string;
  readonly format: "json" | "yaml";
  readonly text: string;
  readonly env?: Record<string, string>;
  readonly packs?: Record<string, readonly { path: string; digest: Digest }[]>;
  readonly canonical: string;
  readonly uri: string;
}

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe("canonical.json", () => {
  const vectors = load<{ what: string; json: string; canonical: string }[]>("canonical.json");
  it.each(vectors)("$what", ({ json, canonical }) => {
    const root = readJson({ text: json, file: "vector", maxNesting: 64 });
    const value = jsonValueOf({ text: json, file: "vector", root, canonicalIntegers: false });
    expect(canonicalize(value)).toBe(canonical);
  });
});

describe("uri.json", () => {
  const { accepted, refused } = load<{
    accepted: { text: string; uri: string }[];
    refused: string[];
  }>("uri.json");
  it.each(accepted)("takes $text", ({ text, uri }) => expect(parseUri(text)).toBe(uri));
  it.each(refused)("refuses %j", (text) => {
    expect(() => parseUri(text)).toThrow(expect.objectContaining({ code: "CTXPACK_E_REFERENCE" }));
  });
});

describe("dirhash.json", () => {
  const vectors = load<(Tree & { what: string; lines: string; digest: string })[]>("dirhash.json");
  it.each(vectors)("$what", async ({ files, links, lines, digest }) => {
    const tree = await hashTree(folderOf({ files, links }));
    expect(new TextDecoder().decode(tree.lines)).toBe(lines);
    expect(tree.digest).toBe(digest);
    expect(sha256(tree.lines).replace("sha256:", "dirHash1:")).toBe(digest);
    expect(dirHashLines(rowsOf(lines).toReversed())).toEqual(tree.lines);
  });
});

describe("contract.json", () => {
  const { contracts, ...tree } = load<Tree & { contracts: ContractVector[] }>("contract.json");
  it.each(contracts)("$what", async ({ format, text, env = {}, packs = {}, canonical, uri }) => {
    const file = join(folderOf(tree), `contract.${format}`);
    writeFileSync(file, text);
    const outputs = { lines: async (pack: string) => packs[pack] ?? [] };
    const resolution = await resolveContract(await readContract(file), {
      env,
      ...(Object.keys(packs).length > 0 ? { packs: outputs } : {}),
    });
    expect(new TextDecoder().decode(resolution.bytes)).toBe(canonical);
    expect(resolution.uri).toBe(uri);
    expect(sha256(resolution.bytes)).toBe(uri.slice("ctx://".length));
    // What it resolves to resolves to itself, and is what a pack's config is checked against.
    expect(parseResolvedContract(resolution.bytes)).toEqual(resolution.resolved);
    expect((await resolveContract(resolution.resolved)).uri).toBe(uri);
    expect((await resolveContract(parseContract(canonical))).uri).toBe(uri);
    expect(await contractUri(resolution.bytes)).toBe(uri);
  });
});

describe("bad-contract.json", () => {
  const vectors =
    load<
      {
        what: string;
        format: "json" | "yaml";
        text?: string;
        base64?: string;
        line: number;
        column: number;
        pointer: string;
      }[]
    >("bad-contract.json");
  it.each(vectors)("$what", ({ format, text, base64, line, column, pointer }) => {
    const source = text ?? Buffer.from(base64 ?? "", "base64");
    const error = refusal(() => parseContract(source, { format }));
    expect(error.code).toBe("CTXPACK_E_CONTRACT");
    const { pointer: found = "", ...details } = error.details;
    expect({ ...details, pointer: found }).toEqual({ file: "contract", line, column, pointer });
  });
});

describe("v0.json", () => {
  const vectors =
    load<(Tree & { what: string; text: string; json: string; uri: string })[]>("v0.json");
  it.each(vectors)("$what", async ({ text, files, json, uri }) => {
    const baseDir = folderOf({ files });
    expect(await legacyUri(text, { baseDir })).toBe(uri);
    // What a v0 pack embeds has no paths left, and needs no disk.
    expect(new TextDecoder().decode(legacyBytes(json))).toBe(json);
  });
});

function load<Vectors>(name: string): Vectors {
  const url = new URL(`../vectors/${name}`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")) as Vectors;
}

function folderOf({ files = {}, links = {} }: { [K in keyof Tree]: Tree[K] | undefined }): string {
  const folder = mkdtempSync(join(tmpdir(), "ctxpack-vectors-"));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(folder, path));
  return folder;
}

function rowsOf(lines: string): { path: string; digest: Digest }[] {
  return lines
    .split("\n")
    .slice(0, -1)
    .map((line) => ({ path: line.slice(66), digest: `sha256:${line.slice(0, 64)}` }));
}

function refusal(work: () => unknown): CtxPackError {
  try {
    work();
  } catch (error) {
    if (CtxPackError.isInstance(error)) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
