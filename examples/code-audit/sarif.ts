// Many findings, one SARIF 2.1.0 file:  node sarif.ts <folder of findings> <out.sarif> <folder of the source>
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Log, Result } from "sarif";
import { type Finding, RULES } from "./rules.ts";

/** One run; the same bytes for the same findings: files by name, findings by their places. */
export function sarif(findings: ReadonlyMap<string, readonly Finding[]>): Log {
  const ids = Object.keys(RULES);
  const files = [...findings].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "code-audit",
            semanticVersion: "1.0.0",
            rules: Object.entries(RULES).map(([id, { level, about }]) => ({
              id,
              shortDescription: { text: about },
              defaultConfiguration: { level },
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: files.flatMap(([path, list]) =>
          list.map(
            ({ rule, message, ...region }): Result => ({
              ruleId: rule,
              ruleIndex: ids.indexOf(rule),
              level: RULES[rule].level,
              message: { text: message },
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: {
                      uri: path.split("/").map(encodeURIComponent).join("/"),
                      uriBaseId: "%SRCROOT%",
                    },
                    region,
                  },
                },
              ],
            }),
          ),
        ),
      },
    ],
  };
}

function main([from, to, root]: string[]): void {
  if (from === undefined || to === undefined || root === undefined)
    throw new Error("usage: node sarif.ts <findings> <out.sarif> <root>");
  const findings = new Map<string, Finding[]>();
  for (const path of globSync("**/*.json", { cwd: from })) {
    findings.set(
      `${root}/${path.slice(0, -".json".length)}`,
      JSON.parse(readFileSync(join(from, path), "utf8")),
    );
  }
  const log = sarif(findings);
  writeFileSync(to, `${JSON.stringify(log, null, 1)}\n`);
  for (const { ruleId, message, locations } of log.runs[0]?.results ?? []) {
    const { artifactLocation, region } = locations?.[0]?.physicalLocation ?? {};
    console.log(`${artifactLocation?.uri}:${region?.startLine}: ${ruleId}: ${message.text}`);
  }
}

if (import.meta.main) main(process.argv.slice(2));
