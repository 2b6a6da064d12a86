import {
  contractMembers,
  countDifferingMembers,
  parseContract,
  type ResolvedContract,
} from "@ctxpack/identity";
import { expect, it } from "vitest";

function resolved(value: object): ResolvedContract {
  const text = JSON.stringify({ schema: "ctxpack.contract/v1", inputs: [], ...value });
  return parseContract(text).contract as ResolvedContract;
}

const contract = resolved({
  command: ["node", "a.ts"],
  inputs: [{ name: "b", value: { list: [1, []], none: {} } }],
  transforms: [{ tool: "t", env: { REGION: null }, params: { "a/b": "x", __proto: 1 } }],
});

it("names what holds a value by its pointer, inputs by name", () => {
  expect(Object.fromEntries(contractMembers(contract))).toEqual({
    "/command/0": '"node"',
    "/command/1": '"a.ts"',
    "/inputs/b/value/list/0": "1",
    "/inputs/b/value/list/1": "[]",
    "/inputs/b/value/none": "{}",
    "/transforms/0/tool": '"t"',
    "/transforms/0/env/REGION": "null",
    "/transforms/0/params/a~1b": '"x"',
    "/transforms/0/params/__proto": "1",
  });
});

it("counts members that only one has, and those with another value", () => {
  const other = resolved({
    command: ["node", "b.ts"],
    inputs: [{ name: "b", value: { list: [1] } }],
    transforms: [{ tool: "t", env: { REGION: null }, params: { "a/b": "y", more: 1 } }],
  });
  const count = (a: ResolvedContract, b: ResolvedContract) =>
    countDifferingMembers(contractMembers(a), contractMembers(b));
  // command/1, list/1, none, a/b, __proto, more
  expect(count(contract, other)).toBe(6);
  expect(count(other, contract)).toBe(6);
  expect(count(contract, contract)).toBe(0);
});
