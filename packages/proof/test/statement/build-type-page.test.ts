import { readFileSync } from "node:fs";
import { sha256, uriOf } from "@ctxpack/identity";
import {
  CONTRACT_PACK_BUILD_TYPE,
  checkProvenanceContract,
  packProvenance,
  parseProvenance,
  parseStatement,
  RUN_BUILDER,
  readPackProvenance,
  SEED_BUILDER,
} from "@ctxpack/proof";
import { expect, it } from "vitest";

const page = readFileSync(
  new URL("../../../../docs/buildtypes/contract-pack-v1.md", import.meta.url),
  "utf8",
);

it("the page of the build type is about what we write, and its example holds", () => {
  for (const uri of [CONTRACT_PACK_BUILD_TYPE, RUN_BUILDER, SEED_BUILDER]) {
    expect(page).toContain(`\`${uri}\``);
  }
  const blocks = [...page.matchAll(/```json\n(.*?)\n```/gs)].map((match) => match[1] as string);
  const [contract = new Uint8Array(), text = new Uint8Array()] = blocks.map((block) =>
    new TextEncoder().encode(block),
  );
  const statement = parseStatement(text);
  const provenance = parseProvenance(statement);
  checkProvenanceContract(provenance, contract);
  const said = readPackProvenance(provenance);
  expect(said.contract).toBe(uriOf(sha256(contract)));
  // The same facts give the same predicate.
  const server = "https://github.com";
  const [, repository = "", run] = /github.com\/(.*)\/actions\/runs\/(\d+)\//.exec(
    provenance.metadata.invocationId ?? "",
  ) as RegExpExecArray;
  const commit = provenance.resolvedDependencies.find(({ name }) => name === "source")?.digest;
  const predicate = packProvenance({
    contract,
    kind: "run",
    env: {
      GITHUB_ACTIONS: "true",
      GITHUB_SERVER_URL: server,
      GITHUB_REPOSITORY: repository,
      GITHUB_WORKFLOW_REF: provenance.builderId.slice(`${server}/`.length),
      GITHUB_REF: said.source?.ref,
      GITHUB_SHA: commit?.["gitCommit"],
      GITHUB_RUN_ID: run,
    },
    packs: said.packs,
    reused: said.reused,
    tree: `sha256:${provenance.byproducts[0]?.digest?.["sha256"]}`,
    startedOn: new Date(provenance.metadata.startedOn ?? ""),
    finishedOn: new Date(provenance.metadata.finishedOn ?? ""),
    versions: provenance.builderVersion ?? {},
    platform: "linux/amd64",
  });
  expect(predicate).toEqual(statement.predicate);
});
