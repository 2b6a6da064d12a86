import { readFileSync } from "node:fs";
import {
  AGENT_RUN_BUILD_TYPE,
  isRunProvenance,
  type JsonObject,
  parseProvenance,
  parseStatement,
  readRunProvenance,
  runProvenance,
} from "@ctxpack/proof";
import { expect, it } from "vitest";

const page = readFileSync(
  new URL("../../../../docs/buildtypes/agent-run-v1.md", import.meta.url),
  "utf8",
);
const text = (/```json\n(.*?)\n```/s.exec(page) as RegExpExecArray)[1] as string;
const provenanceOf = (example: string) =>
  parseProvenance(parseStatement(new TextEncoder().encode(example)));

it("the page of the build type is about what we write, and its example holds", () => {
  expect(page).toContain(`\`${AGENT_RUN_BUILD_TYPE}\``);
  const provenance = provenanceOf(text);
  expect(isRunProvenance(provenance)).toBe(true);
  const said = readRunProvenance(provenance);
  const digestOf = (wanted: string) =>
    provenance.resolvedDependencies.find(({ name }) => name === wanted)?.digest?.["sha256"];
  const predicate = runProvenance({
    run: said.run,
    log: `sha256:${digestOf("log")}`,
    parents: said.parents,
    tree: `sha256:${provenance.byproducts[0]?.digest?.["sha256"]}`,
    finishedOn: new Date(provenance.metadata.finishedOn ?? ""),
    versions: provenance.builderVersion ?? {},
  });
  expect(predicate).toEqual((JSON.parse(text) as { predicate: JsonObject }).predicate);
});

it.each([
  ["another external parameter", '"run": "ctx://', '"tool": "x", "run": "ctx://', "PARAMETERS"],
  ["no run", /"run": "ctx:[^"]*"/, "", "PARAMETERS"],
  ["a run that is no URI", '"run": "ctx://sha256:6a', '"run": "ctx://sha256:6A', "PARAMETERS"],
  [
    "a manifest that is no digest",
    /"ctxpack_manifest": "[^"]*"/,
    '"ctxpack_manifest": 1',
    "STATEMENT",
  ],
  ["a parent without a URI", /"uri": "ctx:\/\/sha256:8+",/, "", "STATEMENT"],
  ["another build type", "agent-run/v1", "agent-run/v2", "PREDICATE"],
])("refuses %s", (_, found, put, code) => {
  const changed = text.replace(found, put);
  expect(changed).not.toBe(text);
  expect(() => readRunProvenance(provenanceOf(changed))).toThrow(
    expect.objectContaining({ code: `CTXPACK_E_PROOF_${code}` }),
  );
});
