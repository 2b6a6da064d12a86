import { type CtxUri, isDigest, parseUri } from "@ctxpack/identity";
import { AGENT_RUN_BUILD_TYPE, ANNOTATION } from "./build-type.ts";
import { at, type MemberPlace, refuse } from "./members.ts";
import type { Provenance } from "./provenance.ts";
import { validateRunParameters } from "./run-parameters.generated.ts";
import type { ParentRun } from "./run-provenance.ts";
import { schemaFault } from "./schema-fault.ts";

/** What the provenance of a trace says in our own terms. */
export interface RunProvenance {
  readonly run: CtxUri;
  readonly parents: readonly ParentRun[];
  readonly source?: { readonly repository: string; readonly ref: string };
}

const definition: MemberPlace = {
  code: "CTXPACK_E_PROOF_PARAMETERS",
  where: "provenance",
  path: ["predicate", "buildDefinition"],
};

/** Whether the provenance is one of a recorded run. */
export function isRunProvenance(provenance: Provenance): boolean {
  return provenance.buildType === AGENT_RUN_BUILD_TYPE;
}

/**
 * Reads what the provenance of a trace says. All of it is a claim of the signer; the head of the run, whose digest is
 * `run`, says the rest.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_PREDICATE` for another build type; `CTXPACK_E_PROOF_PARAMETERS` for external
 *   parameters that the build type does not have; `CTXPACK_E_PROOF_STATEMENT` for a parent that it says not which it is.
 */
export function readRunProvenance(provenance: Provenance): RunProvenance {
  if (!isRunProvenance(provenance)) {
    const message = `expected ${AGENT_RUN_BUILD_TYPE}`;
    throw refuse({ ...at(definition, "buildType"), code: "CTXPACK_E_PROOF_PREDICATE" }, message);
  }
  const { externalParameters, resolvedDependencies } = provenance;
  const fault = schemaFault(validateRunParameters, externalParameters);
  if (fault !== undefined) {
    const where = `provenance, externalParameters${fault.pointer}`;
    throw refuse({ ...definition, where, path: [] }, fault.message);
  }
  const parameters = externalParameters as unknown as Omit<RunProvenance, "parents">;
  const parents = resolvedDependencies.flatMap((one, index): ParentRun[] => {
    if (one.annotations?.[ANNOTATION.role] !== "parent") return [];
    const place = {
      ...at(definition, "resolvedDependencies", index),
      code: "CTXPACK_E_PROOF_STATEMENT",
    } as const;
    const manifest = one.annotations[ANNOTATION.manifest];
    if (manifest !== undefined && !isDigest(manifest)) {
      throw refuse(at(place, "annotations", ANNOTATION.manifest), "not a digest");
    }
    return [{ uri: readUri(one.uri, place), ...(manifest !== undefined && { manifest }) }];
  });
  return { ...parameters, parents };
}

function readUri(uri: string | undefined, place: MemberPlace): CtxUri {
  try {
    const parsed = parseUri(uri ?? "");
    if (parsed === uri) return parsed;
  } catch {
    // The same as one that is written otherwise.
  }
  throw refuse(at(place, "uri"), "expected ctx://sha256: and 64 lower-case hex digits");
}
