import {
  type CtxUri,
  canonicalize,
  type Digest,
  type DirHash,
  digestHex,
  isDigest,
  type JsonValue,
  parseResolvedContract,
  type ResolvedContract,
  sha256,
  uriDigest,
  uriOf,
} from "@ctxpack/identity";
import { ANNOTATION, CONTRACT_PACK_BUILD_TYPE } from "./build-type.ts";
import { at, type MemberPlace, refuse } from "./members.ts";
import type { PackDependency, ReusedPack } from "./pack-provenance.ts";
import { validateExternalParameters } from "./parameters.generated.ts";
import type { Provenance } from "./provenance.ts";
import { schemaFault } from "./schema-fault.ts";
import type { ResourceDescriptor } from "./statement.ts";
import { readTransforms, summariseTransforms, type TransformSummary } from "./transform-summary.ts";

/** What the provenance of a pack says in our own terms. */
export interface PackProvenance {
  readonly contract: CtxUri;
  readonly transforms: readonly TransformSummary[];
  /** Outputs of other contracts that went in. */
  readonly packs: readonly PackDependency[];
  /** Packs that a map took items from. */
  readonly reused: readonly ReusedPack[];
  readonly command?: readonly string[];
  readonly source?: { readonly repository: string; readonly ref: string };
}

const definition: MemberPlace = {
  code: "CTXPACK_E_PROOF_PARAMETERS",
  where: "provenance",
  path: ["predicate", "buildDefinition"],
};

/** Whether the provenance is one of a contract's pack, written by us or by somebody who follows our build type. */
export function isPackProvenance(provenance: Provenance): boolean {
  return provenance.buildType === CONTRACT_PACK_BUILD_TYPE;
}

/**
 * Reads what a pack's provenance says of contract, tools and other packs. All of it is a claim of the signer;
 * {@link checkProvenanceContract} holds it against the contract once that is known.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_PREDICATE` for another build type; `CTXPACK_E_PROOF_PARAMETERS` for external
 *   parameters that the build type does not have; `CTXPACK_E_PROOF_CONTRACT` when the contract is not described, or
 *   two contracts are; `CTXPACK_E_PROOF_STATEMENT` for a dependency on a pack that says not which.
 */
export function readPackProvenance(provenance: Provenance): PackProvenance {
  if (!isPackProvenance(provenance)) {
    const message = `expected ${CONTRACT_PACK_BUILD_TYPE}`;
    throw refuse({ ...at(definition, "buildType"), code: "CTXPACK_E_PROOF_PREDICATE" }, message);
  }
  const { externalParameters, resolvedDependencies: all } = provenance;
  const fault = schemaFault(validateExternalParameters, externalParameters);
  if (fault !== undefined) {
    const where = `provenance, externalParameters${fault.pointer}`;
    throw refuse({ ...definition, where, path: [] }, fault.message);
  }
  const parameters = externalParameters as unknown as Pick<
    PackProvenance,
    "contract" | "command" | "source"
  >;
  return {
    ...parameters,
    transforms: transformsOf(all, parameters.contract),
    packs: withRole(all, "pack").map(([one, place]) => readPack(one, place)),
    reused: withRole(all, "reused").map(([one, place]) => readReused(one, place)),
  };
}

/**
 * Checks what a pack's provenance says of its contract against the contract itself: URI, transforms, and the digest of
 * each input. Until then a policy has judged tools and models by the signer's word.
 *
 * @param contract Canonical bytes of the resolved contract: the pack's config blob.
 * @throws CtxPackError `CTXPACK_E_PROOF_CONTRACT`; what {@link readPackProvenance} throws; `CTXPACK_E_CONTRACT` for
 *   bytes that are no resolved contract.
 */
export function checkProvenanceContract(provenance: Provenance, contract: Uint8Array): void {
  const said = readPackProvenance(provenance);
  const resolved = parseResolvedContract(contract);
  const uri = uriOf(sha256(contract));
  const place: MemberPlace = { code: "CTXPACK_E_PROOF_CONTRACT", where: "provenance", path: [] };
  if (said.contract !== uri) {
    throw refuse(place, `it is about ${said.contract}, and the pack's contract is ${uri}`);
  }
  if (canonical(said.transforms) !== canonical(summariseTransforms(resolved))) {
    throw refuse(place, "tools, models or code are not those of the pack's contract");
  }
  checkInputs(provenance.resolvedDependencies, resolved, place);
}

function checkInputs(
  all: readonly ResourceDescriptor[],
  contract: ResolvedContract,
  place: MemberPlace,
): void {
  const inputs = new Map(contract.inputs.map((input) => [input.name, input.digest]));
  const said = [...withRole(all, "input"), ...withRole(all, "pack")];
  const seen = new Set<string>();
  for (const [{ name = "", digest }] of said) {
    const expected = inputs.get(name.slice("inputs/".length));
    const entries = Object.entries(digest ?? {}).map(([algorithm, hex]) => `${algorithm}:${hex}`);
    const right = name.startsWith("inputs/") && expected !== undefined && !seen.has(name);
    if (!right || entries.join() !== expected) {
      throw refuse(place, `${JSON.stringify(name)} is not an input of the pack's contract`);
    }
    seen.add(name);
  }
  // All are named, or, where they are too many, only counted: none can be left out on its own.
  const digests = [...inputs.values()].filter((digest) => digest !== undefined).length;
  const counted = withRole(all, "inputs").map(([one]) => one.annotations?.[ANNOTATION.count]);
  const total = counted.reduce<number>((sum, count) => sum + Number(count), said.length);
  if (total !== digests) throw refuse(place, "it does not name all inputs of the pack's contract");
}

function transformsOf(
  all: readonly ResourceDescriptor[],
  uri: CtxUri,
): readonly TransformSummary[] {
  const code = "CTXPACK_E_PROOF_CONTRACT";
  const [first, ...others] = withRole(all, "contract");
  if (first === undefined || others.length > 0) {
    const message = `${others.length === 0 ? "no" : "more than one"} contract among them`;
    throw refuse({ ...at(definition, "resolvedDependencies"), code }, message);
  }
  const [contract, found] = first;
  const place = { ...found, code } as const;
  if (contract.uri !== uri || contract.digest?.["sha256"] !== digestHex(uriDigest(uri))) {
    throw refuse(place, "not the contract of externalParameters");
  }
  const annotation = at(place, "annotations", ANNOTATION.transforms);
  const transforms = readTransforms(contract.annotations?.[ANNOTATION.transforms], annotation);
  if (transforms.length === 0) throw refuse(annotation, "says nothing of tools");
  return transforms;
}

type Placed = readonly [ResourceDescriptor, MemberPlace];

function withRole(all: readonly ResourceDescriptor[], role: string): readonly Placed[] {
  return all.flatMap((one, index): Placed[] =>
    one.annotations?.[ANNOTATION.role] === role
      ? [[one, at(definition, "resolvedDependencies", index)]]
      : [],
  );
}

function readPack(found: ResourceDescriptor, place: MemberPlace): PackDependency {
  const statement = { ...place, code: "CTXPACK_E_PROOF_STATEMENT" } as const;
  const digest = found.digest?.["dirHash1"];
  const manifest = found.annotations?.[ANNOTATION.manifest];
  if (digest === undefined) throw refuse(at(statement, "digest"), "no dirHash1 of the output");
  if (manifest !== undefined && !isDigest(manifest)) {
    throw refuse(at(statement, "annotations", ANNOTATION.manifest), "not a digest");
  }
  return {
    name: (found.name ?? "").slice("inputs/".length),
    uri: readUri(found, statement),
    digest: `dirHash1:${digest}` satisfies DirHash,
    ...(manifest !== undefined && { manifest }),
  };
}

function readReused(found: ResourceDescriptor, place: MemberPlace): ReusedPack {
  const statement = { ...place, code: "CTXPACK_E_PROOF_STATEMENT" } as const;
  const manifest = found.digest?.["sha256"];
  if (manifest === undefined) throw refuse(at(statement, "digest"), "no sha256 of the manifest");
  const items = found.annotations?.[ANNOTATION.count];
  return {
    uri: readUri(found, statement),
    manifest: `sha256:${manifest}` satisfies Digest,
    items: typeof items === "number" && Number.isSafeInteger(items) && items >= 0 ? items : 0,
  };
}

function readUri({ uri }: ResourceDescriptor, place: MemberPlace): CtxUri {
  if (uri !== undefined && /^ctx:\/\/sha256:[0-9a-f]{64}$/.test(uri)) return uri as CtxUri;
  throw refuse(at(place, "uri"), "expected ctx://sha256: and 64 lower-case hex digits");
}

function canonical(transforms: readonly TransformSummary[]): string {
  return canonicalize(transforms as unknown as JsonValue);
}
