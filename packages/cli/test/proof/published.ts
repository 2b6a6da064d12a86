import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect } from "vitest";
import { type Done, result, scratch } from "../run.ts";

interface Validator {
  (value: unknown): boolean;
  readonly errors?: unknown;
}

// identity has ajv for its own schema; it is not worth a second dependency.
const require = createRequire(join(import.meta.dirname, "../../../identity/package.json"));
const { Ajv2020 } = require("ajv/dist/2020.js") as {
  Ajv2020: new (options: object) => { addSchema(s: object): void; compile(s: object): Validator };
};
const schema = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../schemas/output.v1.json"), "utf8"),
);
const ajv = new Ajv2020({ strict: true, strictRequired: false });
ajv.addSchema(schema);

/** What a command printed with `--json`: one object, of the shape that is published for `name`. */
export function published(name: string, { stdout, stderr }: Done): Record<string, unknown> {
  expect(stdout, stderr).toMatch(/^\{.*\}\n$/);
  const value = JSON.parse(stdout);
  const validate = ajv.compile({ $ref: `${schema.$id}#/$defs/${encodeURIComponent(name)}` });
  expect(validate(value), `${name}: ${JSON.stringify(validate.errors)}`).toBe(true);
  return value;
}

/** A folder with a key `k.pem`, and a pack that is in its store. */
export async function packed(): Promise<{ cwd: string; uri: string }> {
  const cwd = scratch();
  const contract = {
    command: ["sh", "-c", 'echo 1 > "$0"', "{out}"],
    transforms: [{ tool: "ocr", tool_version: "1" }],
    outputs: [{ path: "out.txt" }],
  };
  writeFileSync(join(cwd, "c.json"), JSON.stringify(contract));
  await result(["keygen", "--out", "k.pem"], { cwd });
  return { cwd, uri: await result(["run", "--contract", "c.json"], { cwd }) };
}
