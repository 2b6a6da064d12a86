/** Of a run head, in bytes: it is the config blob of a pack (DESIGN §8). */
export const MAX_HEAD: number = 1024 * 1024;

/** Of a line of `steps.ndjson`, in bytes. */
export const MAX_STEP_LINE: number = 1024 * 1024;

/** Of one content, in bytes: it is held in memory to be hashed and searched for secrets. */
export const MAX_CONTENT: number = 256 * 1024 * 1024;

/** Of the steps of one run. */
export const MAX_STEPS: number = 10_000_000;

/** JSON in a content may nest this deep; what nests deeper is kept as JSON text. A step adds a few levels around it. */
export const MAX_VALUE_NESTING = 48;
