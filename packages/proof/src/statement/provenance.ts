import { readDescriptor } from "./descriptor.ts";
import {
  at,
  type JsonObject,
  listAt,
  type MemberPlace,
  objectAt,
  optionalObjectAt,
  optionalStringAt,
  refuse,
  stringAt,
} from "./members.ts";
import { PROVENANCE_TYPE } from "./predicate-type.ts";
import type { ResourceDescriptor, Statement } from "./statement.ts";

/** Dependencies and by-products, at most: more than fit into a statement of 1 MiB. */
const MAX_DESCRIPTORS = 1 << 16;

/** A SLSA provenance v1 predicate, whoever wrote it. Everything in it is what its signer claims. */
export interface Provenance {
  /** A URI that says what the parameters mean. */
  readonly buildType: string;
  /** What whoever asked for the build decides; a verifier accepts none that it does not expect. */
  readonly externalParameters: JsonObject;
  readonly internalParameters?: JsonObject;
  readonly resolvedDependencies: readonly ResourceDescriptor[];
  /** Who made it, as a URI; believed only together with who signed. */
  readonly builderId: string;
  /** Name of a part of the builder → its version. */
  readonly builderVersion?: Readonly<Record<string, string>>;
  readonly metadata: ProvenanceMetadata;
  readonly byproducts: readonly ResourceDescriptor[];
}

/** When and as which run it was made, as the builder says. */
export interface ProvenanceMetadata {
  /** A URI, or any text that is unique for the builder. */
  readonly invocationId?: string;
  /** RFC 3339. A claim: only a timestamp or a log entry is evidence of a time. */
  readonly startedOn?: string;
  readonly finishedOn?: string;
}

/**
 * Reads the predicate of a SLSA provenance v1 statement: ours, GitHub's, npm's, any builder's.
 * Members that SLSA does not name are not looked at; what is null or empty counts as absent.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_PREDICATE` for a statement of another kind,
 *   `CTXPACK_E_PROOF_STATEMENT` for a predicate without what SLSA requires, or with members of the wrong type.
 */
export function parseProvenance(statement: Statement): Provenance {
  const { predicateType, predicate } = statement;
  const place: MemberPlace = {
    code: "CTXPACK_E_PROOF_STATEMENT",
    where: "provenance",
    path: ["predicate"],
  };
  if (predicateType !== PROVENANCE_TYPE) {
    const found = `predicateType is ${JSON.stringify(predicateType)}, not ${PROVENANCE_TYPE}`;
    throw refuse({ ...place, code: "CTXPACK_E_PROOF_PREDICATE", path: [] }, found);
  }
  const definition = objectAt(predicate["buildDefinition"], at(place, "buildDefinition"));
  const details = objectAt(predicate["runDetails"], at(place, "runDetails"));
  return { ...readDefinition(definition, place), ...readDetails(details, place) };
}

type Definition = Omit<Provenance, keyof Details>;
type Details = Pick<Provenance, "builderId" | "builderVersion" | "metadata" | "byproducts">;

function readDefinition(definition: JsonObject, parent: MemberPlace): Definition {
  const place = at(parent, "buildDefinition");
  const internalParameters = optionalObjectAt(
    definition["internalParameters"],
    at(place, "internalParameters"),
  );
  return {
    buildType: stringAt(definition["buildType"], at(place, "buildType")),
    externalParameters: objectAt(definition["externalParameters"], at(place, "externalParameters")),
    ...(internalParameters === undefined ? {} : { internalParameters }),
    resolvedDependencies: descriptorsAt(
      definition["resolvedDependencies"],
      at(place, "resolvedDependencies"),
    ),
  };
}

function readDetails(details: JsonObject, parent: MemberPlace): Details {
  const place = at(parent, "runDetails");
  const builder = objectAt(details["builder"], at(place, "builder"));
  const version = optionalObjectAt(builder["version"], at(place, "builder", "version"));
  return {
    builderId: stringAt(builder["id"], at(place, "builder", "id")),
    ...(version === undefined
      ? {}
      : { builderVersion: readVersions(version, at(place, "builder", "version")) }),
    metadata: readMetadata(details["metadata"], at(place, "metadata")),
    byproducts: descriptorsAt(details["byproducts"], at(place, "byproducts")),
  };
}

function readVersions(value: JsonObject, place: MemberPlace): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(value).map(([name, version]) => [name, stringAt(version, at(place, name))]),
  );
}

function readMetadata(value: unknown, place: MemberPlace): ProvenanceMetadata {
  const metadata = optionalObjectAt(value, place) ?? {};
  const invocationId = optionalStringAt(metadata["invocationId"], at(place, "invocationId"));
  return {
    ...(invocationId === undefined ? {} : { invocationId }),
    ...timeAt(metadata, "startedOn", place),
    ...timeAt(metadata, "finishedOn", place),
  };
}

const timePattern = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

function timeAt<K extends string>(
  metadata: JsonObject,
  key: K,
  place: MemberPlace,
): { readonly [key in K]?: string } {
  const time = optionalStringAt(metadata[key], at(place, key));
  if (time === undefined) return {};
  if (!timePattern.test(time) || Number.isNaN(Date.parse(time))) {
    throw refuse(at(place, key), "expected a time as 2026-11-20T10:00:00Z");
  }
  return { [key]: time } as { readonly [key in K]?: string };
}

function descriptorsAt(value: unknown, place: MemberPlace): readonly ResourceDescriptor[] {
  return listAt(value, place, MAX_DESCRIPTORS).map((item, index) =>
    readDescriptor(item, at(place, index)),
  );
}
