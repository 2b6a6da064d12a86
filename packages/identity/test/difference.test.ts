import {
  diffContracts,
  parseContract,
  type ResolvedContract,
  resolveContract,
} from "@ctxpack/identity";
import { describe, expect, it } from "vitest";

describe("diffContracts", () => {
  const before = resolved({
    command: ["node", "a.ts"],
    inputs: [
      { name: "docs", digest: `dirHash1:${"a".repeat(64)}` },
      { name: "old", value: { list: [1, 2] } },
    ],
    transforms: [{ tool: "embed", tool_version: "1", params: { dpi: 300, "a/b": { c: 1 } } }],
  });

  it("finds nothing between a contract and itself", () => {
    expect(diffContracts(before, before)).toEqual([]);
  });

  it("names members by pointer, inputs by name", () => {
    const after = resolved({
      command: ["node", "a.ts", "--fast"],
      inputs: [
        { name: "docs", digest: `dirHash1:${"b".repeat(64)}` },
        { name: "new", value: null },
      ],
      transforms: [
        { tool: "embed", model: "large", params: { dpi: 600, "a/b": { c: [1] } } },
        { tool: "sort" },
      ],
    });
    expect(diffContracts(before, after)).toEqual([
      { pointer: "/command/2", kind: "added", after: "--fast" },
      {
        pointer: "/inputs/docs/digest",
        kind: "changed",
        before: `dirHash1:${"a".repeat(64)}`,
        after: `dirHash1:${"b".repeat(64)}`,
      },
      { pointer: "/inputs/new", kind: "added", after: { value: null } },
      { pointer: "/inputs/old", kind: "removed", before: { value: { list: [1, 2] } } },
      { pointer: "/transforms/0/model", kind: "added", after: "large" },
      { pointer: "/transforms/0/params/a~1b/c", kind: "changed", before: 1, after: [1] },
      { pointer: "/transforms/0/params/dpi", kind: "changed", before: 300, after: 600 },
      { pointer: "/transforms/0/tool_version", kind: "removed", before: "1" },
      { pointer: "/transforms/1", kind: "added", after: { tool: "sort" } },
    ]);
  });

  it("is empty exactly if the URI is the same, inputs in any order", async () => {
    const swapped = { ...before, inputs: before.inputs.toReversed() };
    expect(diffContracts(before, swapped)).toEqual([]);
    expect((await resolveContract(before)).uri).toBe((await resolveContract(swapped)).uri);
  });

  it("takes __proto__ and constructor for keys", () => {
    const params = JSON.parse('{"__proto__":1,"constructor":2}') as Record<string, number>;
    const after = resolved({ transforms: [{ tool: "x", params }] });
    const none = resolved({ transforms: [{ tool: "x" }] });
    const empty = resolved({ transforms: [{ tool: "x", params: { a: 1 } }] });
    expect(diffContracts(none, after).map(({ pointer }) => pointer)).toEqual([
      "/transforms/0/params",
    ]);
    expect(diffContracts(empty, after).map(({ pointer }) => pointer)).toEqual([
      "/transforms/0/params/__proto__",
      "/transforms/0/params/a",
      "/transforms/0/params/constructor",
    ]);
  });
});

function resolved(value: object): ResolvedContract {
  const text = JSON.stringify({ schema: "ctxpack.contract/v1", inputs: [], ...value });
  return parseContract(text).contract as ResolvedContract;
}
