/**
 * Compiles the JSON Schemas we publish into TypeScript modules, so that nothing at run time needs ajv.
 * Run it after every change of a schema: `node scripts/compile-schema.ts`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";

/** One schema and what comes of it. */
export interface CompiledSchema {
  /** Both relative to the repository's root. */
  readonly schema: string;
  readonly module: string;
  /** Where the module gets its `Validator` type from. */
  readonly types: string;
  /** Exported validators: the fragment of the schema each one holds values against, `""` for the whole. */
  readonly validators: Readonly<Record<string, string>>;
  /** Stop at the first error: what comes from strangers could have millions. Default: collect all. */
  readonly firstErrorOnly?: boolean;
}

export const COMPILED_SCHEMAS: readonly CompiledSchema[] = [
  {
    schema: "packages/identity/schemas/contract.v1.json",
    module: "packages/identity/src/schema/contract.generated.ts",
    types: "./problem.ts",
    validators: { validateContract: "", validateResolved: "#/$defs/resolved" },
  },
  {
    schema: "packages/proof/schemas/policy.v1.json",
    module: "packages/proof/src/policy/policy.generated.ts",
    types: "@ctxpack/identity/schema",
    validators: { validatePolicy: "" },
  },
  {
    schema: "packages/proof/schemas/lock.v1.json",
    module: "packages/proof/src/lock/lock.generated.ts",
    types: "@ctxpack/identity/schema",
    validators: { validateLock: "" },
  },
  {
    schema: "packages/proof/schemas/contract-pack-parameters.v1.json",
    module: "packages/proof/src/statement/parameters.generated.ts",
    types: "@ctxpack/identity/schema",
    validators: { validateExternalParameters: "#/$defs/externalParameters" },
    firstErrorOnly: true,
  },
  {
    schema: "packages/proof/schemas/agent-run-parameters.v1.json",
    module: "packages/proof/src/statement/run-parameters.generated.ts",
    types: "@ctxpack/identity/schema",
    validators: { validateRunParameters: "#/$defs/externalParameters" },
    firstErrorOnly: true,
  },
  {
    schema: "packages/proof/schemas/proof-envelope.v1.json",
    module: "packages/proof/src/proof-envelope/envelope.generated.ts",
    types: "@ctxpack/identity/schema",
    validators: { validateEnvelope: "" },
    firstErrorOnly: true,
  },
  {
    schema: "packages/proof/schemas/run-manifest.v1.json",
    module: "packages/proof/src/proof-envelope/run-manifest.generated.ts",
    types: "@ctxpack/identity/schema",
    validators: { validateRunManifest: "" },
    firstErrorOnly: true,
  },
  {
    schema: "packages/trace/schemas/run.v1.json",
    module: "packages/trace/src/run/run.generated.ts",
    types: "@ctxpack/identity/schema",
    validators: { validateRun: "", validateStep: "#/$defs/step" },
  },
  {
    schema: "packages/trace/schemas/recording.v1.json",
    module: "packages/trace/src/record/recording.generated.ts",
    types: "@ctxpack/identity/schema",
    validators: { validateRecording: "" },
  },
  {
    schema: "packages/trace/schemas/fork.v1.json",
    module: "packages/trace/src/fork/fork.generated.ts",
    types: "@ctxpack/identity/schema",
    validators: { validateFork: "", validateForkStep: "#/$defs/step" },
  },
];

/** The text of the module that `compiled` is to have. */
export function compileSchema(compiled: CompiledSchema): string {
  const schema = JSON.parse(readFileSync(at(compiled.schema), "utf8")) as { $id: string };
  const ajv = new Ajv2020({
    allErrors: compiled.firstErrorOnly !== true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allowUnionTypes: true,
    // Of several branches only the one that a member names is judged, so errors are about what was meant.
    discriminator: true,
    // Lengths only tell empty from not empty here: no need for the code point counter of ajv's run time.
    unicode: false,
    // That option is deprecated, and says so on every start.
    logger: false,
    // Errors bring the schema they come from: the keys an object may have, what a pattern means.
    verbose: true,
    code: { esm: true, source: true, lines: false },
  });
  ajv.addVocabulary(["patternErrorMessage"]);
  ajv.addSchema(schema);
  const named = Object.entries(compiled.validators).map(([name, fragment]) => [
    name,
    `${schema.$id}${fragment}`,
  ]);
  const code = standalone.default(ajv, Object.fromEntries(named));
  if (/\brequire\(|\bimport\b/.test(code))
    throw new Error("the compiled schema needs ajv at run time");
  return [
    `// Written by scripts/compile-schema.ts from ${compiled.schema}; not edited by hand.`,
    "// @ts-nocheck",
    "// biome-ignore-all lint: generated",
    "// biome-ignore-all format: generated",
    "// biome-ignore-all assist: generated",
    `import type { Validator } from "${compiled.types}";`,
    code
      .replace(/^"use strict";/, "")
      // ajv copies all errors so far for every wrong item: a hostile list of a megabyte would take minutes.
      .replaceAll(/vErrors\.concat\(([\w.]+\.errors)\)/g, "append(vErrors, $1)")
      .replaceAll(/^export const (\w+) =|(?<=;)export const (\w+) =/g, typed),
    "function append(errors, more) { for (const error of more) errors.push(error); return errors; }",
    "",
  ].join("\n");
}

function typed(_: string, first?: string, later?: string): string {
  return `export const ${first ?? later}: Validator =`;
}

function at(path: string): URL {
  return new URL(path, new URL("..", import.meta.url));
}

if (import.meta.main) {
  for (const compiled of COMPILED_SCHEMAS) {
    writeFileSync(at(compiled.module), compileSchema(compiled));
  }
}
