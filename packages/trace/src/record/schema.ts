/** The `schema` member of the first line of a recording. */
export const RECORDING_SCHEMA = "ctxpack.recording/v1";
