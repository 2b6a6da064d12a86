import { hash } from "node:crypto";
import type { Digest } from "./digest.ts";

/** The SHA-256 of `bytes`, in one call. For what is held in memory; files go through `hashFile`. */
export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${hash("sha256", bytes, "hex")}`;
}
