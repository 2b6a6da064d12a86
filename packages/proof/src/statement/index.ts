export type { BuildKind } from "./builder.ts";
export { createStatement, statementBytes } from "./create.ts";
export type { PackFacts, ReusedPack } from "./pack-provenance.ts";
export { packProvenance } from "./pack-provenance.ts";
export { PROVENANCE_TYPE } from "./predicate-type.ts";
export type { ParentRun, RunFacts } from "./run-provenance.ts";
export { runProvenance } from "./run-provenance.ts";
