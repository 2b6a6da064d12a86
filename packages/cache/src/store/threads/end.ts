/** The message that tells a thread to end, when its job is done. */
export const END = "end";
