import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const published =
  '{"dataset":"SEC_10K_CORPUS_2025","model":"text-embedding-3-large","params":{"chunk_size":512,"dpi":300,"strategy":"semantic"},"tool":"vision-ocr","tool_version":"2.1"}';

/** What a browser has and the ECMAScript standard does not. */
const web = { TextEncoder, TextDecoder, crypto: globalThis.crypto, Uint8Array };

describe("the pure part, bundled for a browser", () => {
  it("checks URIs, parses YAML, compares and refuses, without one module of Node's", async () => {
    const identity = await load();
    const digest = async (bytes: Uint8Array): Promise<string> => {
      const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
      return Buffer.from(hash).toString("hex");
    };
    expect(await digest(identity.legacyBytes(published))).toBe(
      "32f300048d8dd5a2c88f24d45a3d849503fda3507de626cd3b080e445edf3855",
    );
    const canonical = '{"inputs":[],"schema":"ctxpack.contract/v1","transforms":[{"tool":"x"}]}';
    const bytes = new TextEncoder().encode(canonical);
    expect(await identity.contractUri(bytes)).toBe(`ctx://sha256:${await digest(bytes)}`);
    const { contract, locate } = identity.parseContract("transforms:\n  - tool: x\n");
    expect(contract.transforms[0]?.tool).toBe("x");
    expect({ ...locate("/transforms/0/tool") }).toEqual({ line: 2, column: 11 });
    expect(identity.parseUri(`sha256:${"a".repeat(64)}`)).toBe(`ctx://sha256:${"a".repeat(64)}`);
    expect(() => identity.parseResolvedContract(new TextEncoder().encode("{}"))).toThrow(
      '"transforms" is missing',
    );
  });
});

/** Bundles `@ctxpack/identity/pure` and runs it where there is no `require`, no `process` and no module loader. */
async function load(): Promise<typeof import("@ctxpack/identity/pure")> {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL("../src/pure.ts", import.meta.url))],
    bundle: true,
    write: false,
    metafile: true,
    platform: "browser",
    format: "iife",
    globalName: "identity",
    target: "es2024",
    conditions: ["@ctxpack/source"],
  });
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  expect(imports.filter(({ path }) => path.startsWith("node:"))).toEqual([]);
  const context = createContext({ ...web });
  runInContext(`${outputFiles[0]?.text}\nglobalThis.identity = identity;`, context);
  return (context as { identity: typeof import("@ctxpack/identity/pure") }).identity;
}
