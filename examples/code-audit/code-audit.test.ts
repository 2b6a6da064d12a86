import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { expectReadme, isFull } from "../readme.ts";
import { audit } from "./audit.ts";
import type { Finding, RuleId } from "./rules.ts";
import { sarif } from "./sarif.ts";

const example = join(import.meta.dirname);

test("README.md, in seconds", async () => {
  await expectReadme(example, "tiny");
});

test.skipIf(!isFull)("README.md, with two versions of webpack", async () => {
  await expectReadme(example, "full");
});

const CP = 'const cp = require("child_process");';

test.each<[RuleId | undefined, string]>([
  ["shell-command", `${CP} cp.exec("ls " + folder);`],
  ["shell-command", `import { execSync as sh } from "node:child_process"; sh(\`ls \${folder}\`);`],
  ["shell-command", `${CP} const run = util.promisify(cp.exec); run(command);`],
  ["shell-command", `${CP} cp.spawn("ls", [folder], { shell: true });`],
  [undefined, `${CP} cp.exec("ls " + "-l");`],
  [undefined, `${CP} cp.spawn("ls", [folder]);`],
  [undefined, `${CP} cp.spawn("ls", [folder], { shell: false });`],
  [undefined, `db.exec(\`select \${column}\`);`],
  ["code-from-text", "eval(text);"],
  ["code-from-text", 'new Function("a", body);'],
  ["code-from-text", 'const vm = await import("node:vm"); vm.runInNewContext(code, {});'],
  [undefined, 'new Function("return this")();'],
  ["path-from-request", 'const path = require("path"); path.join(root, req.params.name);'],
  [
    "path-from-request",
    `import fs from "fs"; const { name } = req.query; fs.readFileSync(\`./\${name}\`);`,
  ],
  [undefined, 'import path from "path"; path.join(root, path.basename(req.url));'],
  [undefined, 'import fs from "fs"; fs.writeFileSync("log.txt", req.body.text);'],
  [undefined, 'import fs from "fs"; (req) => { const a = req.url; }; (a) => fs.readFileSync(a);'],
  ["secret", 'const key = "c0ffee1234567890c0ffee1234abcdef12345678";'],
  [undefined, 'const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";'],
  [undefined, 'const id = "application-name-of-many-words-2";'],
  ["not-parsed", "const a = ;"],
])("%s: %s", (rule, source) => {
  expect(audit("in.js", source).map((finding) => finding.rule)).toEqual(rule ? [rule] : []);
});

test("a finding does not repeat the secret, and says where it is", () => {
  const secret = "c0ffee1234567890c0ffee1234abcdef12345678";
  const [finding] = audit("in.js", `\nconst é = "${secret}";`);
  expect(finding).toMatchObject({ startLine: 2, startColumn: 11, endLine: 2, endColumn: 53 });
  expect(JSON.stringify(finding)).not.toContain(secret.slice(0, 6));
});

/** What SARIF 2.1.0 says of the members that we write; nothing else may be there. */
const shape = object({
  $schema: { type: "string" },
  version: { const: "2.1.0" },
  runs: list(
    object({
      tool: object({
        driver: object({
          name: { type: "string" },
          semanticVersion: { type: "string", pattern: "^\\d+\\.\\d+\\.\\d+$" },
          rules: list(
            object({
              id: { type: "string" },
              shortDescription: object({ text: { type: "string" } }),
              defaultConfiguration: object({
                level: { enum: ["none", "note", "warning", "error"] },
              }),
            }),
          ),
        }),
      }),
      columnKind: { enum: ["utf16CodeUnits", "unicodeCodePoints"] },
      results: list(
        object({
          ruleId: { type: "string" },
          ruleIndex: { type: "integer", minimum: 0 },
          level: { enum: ["none", "note", "warning", "error"] },
          message: object({ text: { type: "string", minLength: 1 } }),
          locations: list(
            object({
              physicalLocation: object({
                // Relative, and a URI: no space, no backslash, no percent sign that escapes nothing.
                artifactLocation: object({
                  uri: { type: "string", pattern: "^(?!/)(?:[\\w.~/()!@+,;=-]|%[0-9A-F]{2})+$" },
                  uriBaseId: { type: "string" },
                }),
                region: object({
                  startLine: { type: "integer", minimum: 1 },
                  startColumn: { type: "integer", minimum: 1 },
                  endLine: { type: "integer", minimum: 1 },
                  endColumn: { type: "integer", minimum: 1 },
                }),
              }),
            }),
          ),
        }),
      ),
    }),
  ),
});

function object(properties: Record<string, object>): object {
  const required = Object.keys(properties);
  return { type: "object", properties, required, additionalProperties: false };
}

function list(items: object): object {
  return { type: "array", items };
}

test("many files are one run of SARIF, the same bytes in whatever order they come", () => {
  const findings: [string, Finding[]][] = [
    ["package/b c.js", audit("in.js", "eval(a); eval(b);")],
    ["package/a.js", audit("in.js", 'const key = "c0ffee1234567890c0ffee1234abcdef12345678";')],
    ["package/none.js", audit("in.js", "")],
  ];
  const log = sarif(new Map(findings));
  expect(JSON.stringify(sarif(new Map(findings.toReversed())))).toBe(JSON.stringify(log));
  const validate = new Ajv2020().compile(shape);
  expect(validate(log), JSON.stringify(validate.errors)).toBe(true);
  const { tool, results } = log.runs[0] ?? {};
  expect(
    results?.map(({ locations }) => locations?.[0]?.physicalLocation?.artifactLocation?.uri),
  ).toEqual(["package/a.js", "package/b%20c.js", "package/b%20c.js"]);
  for (const { ruleId, ruleIndex = -1, level } of results ?? []) {
    expect(tool?.driver.rules?.[ruleIndex]).toMatchObject({
      id: ruleId,
      defaultConfiguration: { level },
    });
  }
});
