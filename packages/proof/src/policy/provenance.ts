import { CtxPackError, type JsonValue } from "@ctxpack/identity";
import { AGENT_RUN_BUILD_TYPE, CONTRACT_PACK_BUILD_TYPE } from "../statement/build-type.ts";
import { type Provenance, parseProvenance } from "../statement/provenance.ts";
import { isPackProvenance, readPackProvenance } from "../statement/read-pack.ts";
import { isRunProvenance, readRunProvenance } from "../statement/read-run.ts";
import type { ResourceDescriptor, Statement } from "../statement/statement.ts";
import { isProofError } from "../verify/failure.ts";
import type { JudgedDependency, JudgedPack, Reason } from "./verdict.ts";

/** What a policy judges in provenance. All of it is a claim of the signer. */
export interface ProvenanceFacts {
  readonly buildType: string;
  readonly builderId: string;
  readonly externalParameters: { readonly [key: string]: JsonValue };
  readonly dependencies: readonly ResourceDescriptor[];
  /** Packs among what it was made from. */
  readonly packs: readonly JudgedDependency[];
  /** Every tool of the contract, sorted, each once; absent when it does not say. */
  readonly tools?: readonly string[];
}

/** The external parameters that build types define; of others a policy has to say what it expects. */
const PARAMETERS: ReadonlyMap<string, readonly string[]> = new Map([
  [CONTRACT_PACK_BUILD_TYPE, ["contract", "command", "source"]],
  [AGENT_RUN_BUILD_TYPE, ["run", "source"]],
  ["https://actions.github.io/buildtypes/workflow/v1", ["workflow"]],
  ["https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1", ["workflow"]],
]);

/** The external parameters that a build type defines. */
export function knownParameters(buildType: string): readonly string[] {
  return PARAMETERS.get(buildType) ?? [];
}

/** The build types that a policy takes: those it lists, else ours. */
export function buildTypesOf(listed: readonly string[] | undefined): readonly string[] {
  return listed ?? [CONTRACT_PACK_BUILD_TYPE, AGENT_RUN_BUILD_TYPE];
}

/** What the provenance in a statement says, or why it says nothing that can be used. */
export function readProvenance(statement: Statement): ProvenanceFacts | Reason {
  try {
    const provenance = parseProvenance(statement);
    return { ...factsOf(provenance), ...packFacts(provenance) };
  } catch (error) {
    if (!CtxPackError.isInstance(error) || !isProofError(error.code)) throw error;
    return { code: error.code, message: `cannot be used: ${error.message}` };
  }
}

/** The tools that a statement says the pack was made by; `undefined` when it does not say, or is no provenance. */
export function claimedTools(statement: Statement): readonly string[] | undefined {
  const read = readProvenance(statement);
  return "code" in read ? undefined : read.tools;
}

/** Why provenance is not of this pack's contract, or run. */
export function contractFault(provenance: ProvenanceFacts, pack: JudgedPack): Reason | undefined {
  const code = "CTXPACK_E_PROOF_CONTRACT";
  const what = provenance.buildType === AGENT_RUN_BUILD_TYPE ? "run" : "contract";
  const uri = provenance.externalParameters[what];
  if (uri !== undefined && uri !== pack.uri) {
    const message = `is about the ${what} ${String(uri).slice(0, 120)}, not ${pack.uri}`;
    return { code, message, hint: "the pack was put in the place of another one" };
  }
  const { tools } = provenance;
  if (pack.tools === undefined || tools === undefined) return undefined;
  const found = toolSet(pack.tools);
  if (tools.join("\n") === found.join("\n")) return undefined;
  const message = `says that the tool was ${tools.join(", ")}; the contract names ${found.join(", ")}`;
  return { code, message };
}

function factsOf(provenance: Provenance): Omit<ProvenanceFacts, "packs" | "tools"> {
  const { buildType, builderId, externalParameters, resolvedDependencies } = provenance;
  return { buildType, builderId, externalParameters, dependencies: resolvedDependencies };
}

function packFacts(provenance: Provenance): Pick<ProvenanceFacts, "packs" | "tools"> {
  if (isRunProvenance(provenance)) {
    const { parents } = readRunProvenance(provenance);
    return { packs: parents.map(({ uri, manifest }) => ({ uri, digest: manifest })) };
  }
  if (!isPackProvenance(provenance)) return { packs: [] };
  const { transforms, packs, reused } = readPackProvenance(provenance);
  return {
    packs: [...packs, ...reused].map(({ uri, manifest }) => ({ uri, digest: manifest })),
    tools: toolSet(transforms.map(({ tool }) => tool)),
  };
}

function toolSet(tools: readonly string[]): readonly string[] {
  return [...new Set(tools)].sort();
}
