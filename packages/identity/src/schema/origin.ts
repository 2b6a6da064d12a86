/** Where every URI of ours begins; no other file spells it (DESIGN §8). */
export const ORIGIN = "https://ctxpack.dev/";

/** The `$id` of the contract's JSON Schema, for the `$schema` member that editors follow. */
export const CONTRACT_SCHEMA_URI: string = `${ORIGIN}schemas/contract.v1.json`;

/** The `schema` member of every resolved contract. */
export const RESOLVED_SCHEMA = "ctxpack.contract/v1";
