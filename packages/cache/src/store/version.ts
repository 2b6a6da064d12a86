/** Counts up when an older ctxpack could not make sense of a store any more. */
export const VERSION = 1;
