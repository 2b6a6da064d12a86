import type { Accept } from "../../src/index.ts";

/** A gate that lets everything in. */
export const acceptAll: Accept = async () => {};
