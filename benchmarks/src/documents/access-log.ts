import { readFileSync } from "node:fs";

/** A line of the common log format: what was asked, the status, the bytes of the body. */
const SERVED = /"GET [^"]*" 2[0-9]{2} ([0-9]+)/g;

/** Bytes of all bodies that a server has given out, by its access log. */
export function bytesServed(file: string): number {
  let sum = 0;
  for (const [, bytes] of readFileSync(file, "utf8").matchAll(SERVED)) sum += Number(bytes);
  return sum;
}

/** The digests, bare hex, of all blobs that a registry has given out, whole or in part, by its access log. */
export function blobsServed(file: string): Set<string> {
  const served = readFileSync(file, "utf8").matchAll(
    /"GET [^ "]*\/blobs\/sha256:([0-9a-f]{64})[^"]*" 2[0-9]{2} /g,
  );
  return new Set(Array.from(served, ([, hex]) => hex ?? ""));
}
