import { readFileSync } from "node:fs";
import { CONTRACT_SCHEMA_URI } from "@ctxpack/identity";
import { describe, expect, it } from "vitest";
import { COMPILED_SCHEMAS, compileSchema } from "../../../scripts/compile-schema.ts";

const schemaText = read("../schemas/contract.v1.json");

describe.each(COMPILED_SCHEMAS)("the published schema $schema", (compiled) => {
  const module = () => read(`../../../${compiled.module}`);

  it("is what the validators were compiled from", () => {
    expect(compileSchema(compiled), "run: node scripts/compile-schema.ts").toBe(module());
  });

  it("leaves nothing of its compiler to run time", () => {
    expect(module()).not.toMatch(/\bimport (?!type)|\brequire\(/);
  });
});

it("is called what the constant says", () => {
  expect((JSON.parse(schemaText) as { $id: string }).$id).toBe(CONTRACT_SCHEMA_URI);
});

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}
