import { readFileSync } from "node:fs";
import { CONTRACT_SCHEMA_URI } from "@ctxpack/identity";
import { describe, expect, it } from "vitest";
import { compileSchema } from "../scripts/compile-schema.ts";

const schemaText = read("../schemas/contract.v1.json");

describe("the published schema", () => {
  it("is what the validator was compiled from", () => {
    const hint = "run: node packages/identity/scripts/compile-schema.ts";
    expect(compileSchema(schemaText), hint).toBe(read("../src/schema/contract.generated.ts"));
  });

  it("is called what the constant says", () => {
    expect((JSON.parse(schemaText) as { $id: string }).$id).toBe(CONTRACT_SCHEMA_URI);
  });

  it("leaves nothing of its compiler to run time", () => {
    expect(read("../src/schema/contract.generated.ts")).not.toMatch(
      /\bimport (?!type)|\brequire\b/,
    );
  });
});

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}
