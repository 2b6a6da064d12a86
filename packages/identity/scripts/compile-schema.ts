/**
 * Compiles schemas/contract.v1.json into src/schema/contract.generated.ts, so that nothing at run time needs ajv.
 * Run it after every change of the schema: `node packages/identity/scripts/compile-schema.ts`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";

const schemaFile = new URL("../schemas/contract.v1.json", import.meta.url);
const generatedFile = new URL("../src/schema/contract.generated.ts", import.meta.url);

/** The generated module's text for a schema's text. */
export function compileSchema(text: string): string {
  const schema = JSON.parse(text) as { $id: string };
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allowUnionTypes: true,
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
  const code = standalone.default(ajv, {
    validateContract: schema.$id,
    validateResolved: `${schema.$id}#/$defs/resolved`,
  });
  if (/\brequire\(|\bimport\b/.test(code))
    throw new Error("the compiled schema needs ajv at run time");
  return [
    "// Written by scripts/compile-schema.ts from schemas/contract.v1.json; not edited by hand.",
    "// @ts-nocheck",
    "// biome-ignore-all lint: generated",
    "// biome-ignore-all format: generated",
    "// biome-ignore-all assist: generated",
    'import type { Validator } from "./problem.ts";',
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

if (import.meta.main) writeFileSync(generatedFile, compileSchema(readFileSync(schemaFile, "utf8")));
