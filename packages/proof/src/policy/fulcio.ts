/** Where Fulcio's certificate extensions begin (fulcio, docs/oid-info.md). */
const ARC = "1.3.6.1.4.1.57264.1";

/** The extensions that a policy can ask for, by the names it gives them, and their OIDs. */
export const FULCIO_EXTENSIONS: Readonly<Record<string, string>> = {
  buildSignerUri: `${ARC}.9`,
  buildSignerDigest: `${ARC}.10`,
  runnerEnvironment: `${ARC}.11`,
  sourceRepositoryUri: `${ARC}.12`,
  sourceRepositoryDigest: `${ARC}.13`,
  sourceRepositoryRef: `${ARC}.14`,
  sourceRepositoryId: `${ARC}.15`,
  sourceRepositoryOwnerUri: `${ARC}.16`,
  sourceRepositoryOwnerId: `${ARC}.17`,
  buildConfigUri: `${ARC}.18`,
  buildConfigDigest: `${ARC}.19`,
  buildTrigger: `${ARC}.20`,
  runInvocationUri: `${ARC}.21`,
  sourceRepositoryVisibility: `${ARC}.22`,
};
