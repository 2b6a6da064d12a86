import {
  type Contract,
  contractUri,
  type Digest,
  digestHex,
  isDigest,
  isDirHash,
  parseDigest,
  parseUri,
  type ResolvedContract,
  resolveContract,
  sha256,
  uriDigest,
  uriOf,
} from "@ctxpack/identity";
import { describe, expect, it } from "vitest";

const resolved: ResolvedContract = {
  inputs: [
    { name: "b", value: 1 },
    { name: "a", value: 2 },
  ],
  schema: "ctxpack.contract/v1",
  transforms: [{ tool: "x" }],
};

describe("contractUri", () => {
  it("is what resolving gives, from the value and from the bytes", async () => {
    const { uri, bytes } = await resolveContract(resolved);
    expect(await contractUri(resolved)).toBe(uri);
    expect(await contractUri(bytes)).toBe(uri);
    expect(uriDigest(uri)).toBe(sha256(bytes));
    expect(uriOf(uriDigest(uri))).toBe(uri);
    expect(parseUri(digestHex(uriDigest(uri)))).toBe(uri);
  });

  it("names nothing that is not resolved and canonical", async () => {
    const contract: Contract = { transforms: [{ tool: "x" }] };
    const unresolved = contract as unknown as ResolvedContract;
    await expect(contractUri(unresolved)).rejects.toMatchObject({ code: "CTXPACK_E_CONTRACT" });
    const spaced = new TextEncoder().encode(JSON.stringify(resolved, null, 1));
    await expect(contractUri(spaced)).rejects.toThrow("not written as canonical JSON");
  });

  it("throws the signal's reason", async () => {
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(contractUri(resolved, { signal })).rejects.toBe(reason);
  });
});

describe("digests", () => {
  const hex = "0123456789abcdef".repeat(4);

  it("are told apart by their prefix", () => {
    expect(parseDigest(`sha256:${hex}`)).toBe(`sha256:${hex}`);
    expect([isDigest(`sha256:${hex}`), isDirHash(`sha256:${hex}`)]).toEqual([true, false]);
    expect([isDigest(`dirHash1:${hex}`), isDirHash(`dirHash1:${hex}`)]).toEqual([false, true]);
    expect(digestHex(`dirHash1:${hex}`)).toBe(hex);
  });

  it.each([
    hex,
    `sha256:${hex.toUpperCase()}`,
    `sha256:${hex}\n`,
    `sha256:${hex.slice(1)}`,
    "",
    `sha512:${hex}`,
  ])("refuse %j", (text) => {
    expect(() => parseDigest(text)).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_REFERENCE" }),
    );
    expect(isDigest(text as Digest)).toBe(false);
  });
});
