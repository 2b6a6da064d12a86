import {
  type CtxUri,
  canonicalBytes,
  type Digest,
  type DirHash,
  digestHex,
  parseResolvedContract,
  type ResolvedContract,
  type ResolvedInput,
  sha256,
  uriDigest,
  uriOf,
} from "@ctxpack/identity";
import { ANNOTATION, CONTRACT_MEDIA_TYPE, CONTRACT_PACK_BUILD_TYPE } from "./build-type.ts";
import { type BuildKind, type BuildOrigin, buildOrigin } from "./builder.ts";
import { byName, role, sourceDependency } from "./dependency.ts";
import type { JsonObject } from "./members.ts";
import { publicCommand } from "./public-command.ts";
import { type MakingFacts, runDetails } from "./run-details.ts";
import type { ResourceDescriptor } from "./statement.ts";
import { summariseTransforms } from "./transform-summary.ts";

/** The output of another contract that became an input. */
export interface PackDependency {
  /** The input's name. */
  readonly name: string;
  readonly uri: CtxUri;
  /** Of the output, as the contract has it. */
  readonly digest: DirHash;
  /** Of the manifest that was read, when one was. */
  readonly manifest?: Digest | undefined;
}

/** A pack of which a map took items instead of computing them. */
export interface ReusedPack {
  readonly uri: CtxUri;
  /** Of its manifest. */
  readonly manifest: Digest;
  readonly items: number;
}

/** What is known of how a pack was made. */
export interface PackFacts extends MakingFacts {
  /** Canonical bytes of the resolved contract: the pack's config blob. */
  readonly contract: Uint8Array;
  readonly kind: BuildKind;
  /** Variables that say which workflow of a CI service this is; none of their values but its public ones is used. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly packs?: readonly PackDependency[] | undefined;
  readonly reused?: readonly ReusedPack[] | undefined;
  /** What was run, when the contract does not say it. */
  readonly command?: readonly string[] | undefined;
  /** `linux/amd64`. */
  readonly platform?: string | undefined;
}

/** Above this the plain inputs are only counted: transparency logs take statements of about 100 KB. */
const ROOM = 90_000;

/**
 * The SLSA provenance v1 predicate of a pack (docs/buildtypes/contract-pack-v1.md). Nothing private is in it: no
 * value of env, no params, no absolute path, host or user. The same facts give the same bytes.
 *
 * @throws CtxPackError `CTXPACK_E_CONTRACT` for bytes that are no resolved contract.
 */
export function packProvenance(facts: PackFacts): JsonObject {
  const predicate = predicateOf(facts, inputDependencies);
  if (canonicalBytes(predicate).length <= ROOM) return predicate;
  return predicateOf(facts, countedInputs);
}

type InputsOf = (contract: ResolvedContract, uri: CtxUri) => readonly ResourceDescriptor[];

function predicateOf(facts: PackFacts, inputsOf: InputsOf): JsonObject {
  const contract = parseResolvedContract(facts.contract);
  const uri = uriOf(sha256(facts.contract));
  const origin = buildOrigin(facts.kind, facts.env ?? {});
  const packs = facts.packs ?? [];
  const plain = contract.inputs.filter(({ name }) => !packs.some((pack) => pack.name === name));
  const dependencies = [
    contractDependency(contract, uri),
    ...inputsOf({ ...contract, inputs: plain }, uri),
    ...codeDependencies(contract),
    ...packs.map(packDependency),
    ...(facts.reused ?? []).map(reusedDependency),
    ...sourceDependency(origin),
  ];
  const predicate = {
    buildDefinition: {
      buildType: CONTRACT_PACK_BUILD_TYPE,
      externalParameters: externalParameters(uri, origin, facts.command),
      internalParameters: {
        ctxpack: {
          kind: facts.kind,
          ...(facts.platform !== undefined && { platform: facts.platform }),
        },
      },
      resolvedDependencies: dependencies.toSorted(byName),
    },
    runDetails: runDetails(origin, facts),
  };
  return predicate as unknown as JsonObject;
}

function externalParameters(
  contract: CtxUri,
  { source }: BuildOrigin,
  command: readonly string[] | undefined,
): object {
  return {
    contract,
    ...(command !== undefined && { command: publicCommand(command) }),
    ...(source !== undefined && {
      source: { repository: source.repository, ref: source.ref },
    }),
  };
}

function contractDependency(contract: ResolvedContract, uri: CtxUri): ResourceDescriptor {
  return {
    name: "contract",
    uri,
    digest: { sha256: digestHex(uriDigest(uri)) },
    mediaType: CONTRACT_MEDIA_TYPE,
    annotations: {
      ...role("contract"),
      [ANNOTATION.transforms]: summariseTransforms(contract) as unknown as readonly JsonObject[],
    },
  };
}

/** Inputs with a digest; small inline values are in the contract. */
function inputDependencies(contract: ResolvedContract): ResourceDescriptor[] {
  return contract.inputs.filter(hasDigest).map(({ name, digest }) => ({
    name: `inputs/${name}`,
    digest: digestSet(digest),
    annotations: role("input"),
  }));
}

/** That there are inputs, and how many: the contract's own digest covers what they are. */
function countedInputs(contract: ResolvedContract, uri: CtxUri): ResourceDescriptor[] {
  const count = contract.inputs.filter(hasDigest).length;
  const digest = { sha256: digestHex(uriDigest(uri)) };
  const annotations = { ...role("inputs"), [ANNOTATION.count]: count };
  return [{ name: "inputs", uri, digest, annotations }];
}

function hasDigest(input: ResolvedInput): input is ResolvedInput & { digest: Digest | DirHash } {
  return input.digest !== undefined;
}

/** Code whose hash is a digest; what somebody else's tooling gave as an opaque word is only in the summary. */
function codeDependencies(contract: ResolvedContract): ResourceDescriptor[] {
  return contract.transforms.flatMap(({ code_hash }, index) =>
    code_hash !== undefined && /^(?:sha256|dirHash1):[0-9a-f]{64}$/.test(code_hash)
      ? [
          {
            name: `transforms/${index}/code`,
            digest: digestSet(code_hash as Digest | DirHash),
            annotations: role("code"),
          },
        ]
      : [],
  );
}

function packDependency({ name, uri, digest, manifest }: PackDependency): ResourceDescriptor {
  return {
    name: `inputs/${name}`,
    uri,
    digest: digestSet(digest),
    annotations: {
      ...role("pack"),
      ...(manifest !== undefined && { [ANNOTATION.manifest]: manifest }),
    },
  };
}

function reusedDependency({ uri, manifest, items }: ReusedPack): ResourceDescriptor {
  return {
    name: `reused/${digestHex(manifest)}`,
    uri,
    digest: digestSet(manifest),
    annotations: { ...role("reused"), [ANNOTATION.count]: items },
  };
}

function digestSet(digest: Digest | DirHash): Readonly<Record<string, string>> {
  return { [digest.slice(0, digest.indexOf(":"))]: digestHex(digest) };
}
