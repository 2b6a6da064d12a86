import { type CtxUri, type Digest, digestHex, uriDigest } from "@ctxpack/identity";
import { AGENT_RUN_BUILD_TYPE, ANNOTATION, RUN_MEDIA_TYPE } from "./build-type.ts";
import { buildOrigin } from "./builder.ts";
import { byName, role, sourceDependency } from "./dependency.ts";
import type { JsonObject } from "./members.ts";
import { type MakingFacts, runDetails } from "./run-details.ts";
import type { ResourceDescriptor } from "./statement.ts";

/** A run that another one was made from. */
export interface ParentRun {
  readonly uri: CtxUri;
  /** Of the manifest that was read, when one was. */
  readonly manifest?: Digest | undefined;
}

/** What is known of where the trace of a run comes from. */
export interface RunFacts extends MakingFacts {
  /** The URI of the trace: the digest of the run head. */
  readonly run: CtxUri;
  /** Of the log it was read from. */
  readonly log?: Digest | undefined;
  readonly parents?: readonly ParentRun[] | undefined;
  /** Variables that say which workflow of a CI service this is; none of their values but its public ones is used. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * The SLSA provenance v1 predicate of a trace (docs/buildtypes/agent-run-v1.md). Whoever signs it says that this run
 * took place; nobody saw the model. The same facts give the same bytes.
 */
export function runProvenance(facts: RunFacts): JsonObject {
  const { run, log, parents = [] } = facts;
  const origin = buildOrigin("seed", facts.env ?? {});
  const { source } = origin;
  const dependencies: ResourceDescriptor[] = [
    {
      name: "run",
      uri: run,
      digest: sha256Of(uriDigest(run)),
      mediaType: RUN_MEDIA_TYPE,
      annotations: role("run"),
    },
    ...(log === undefined
      ? []
      : [{ name: "log", digest: sha256Of(log), annotations: role("log") }]),
    ...parents.map(parentDependency),
    ...sourceDependency(origin),
  ];
  const predicate = {
    buildDefinition: {
      buildType: AGENT_RUN_BUILD_TYPE,
      externalParameters: {
        run,
        ...(source && { source: { repository: source.repository, ref: source.ref } }),
      },
      resolvedDependencies: dependencies.toSorted(byName),
    },
    runDetails: runDetails(origin, facts),
  };
  return predicate as unknown as JsonObject;
}

function parentDependency({ uri, manifest }: ParentRun): ResourceDescriptor {
  return {
    name: `parents/${digestHex(uriDigest(uri))}`,
    uri,
    digest: sha256Of(uriDigest(uri)),
    annotations: {
      ...role("parent"),
      ...(manifest !== undefined && { [ANNOTATION.manifest]: manifest }),
    },
  };
}

function sha256Of(digest: Digest): Readonly<Record<string, string>> {
  return { sha256: digestHex(digest) };
}
