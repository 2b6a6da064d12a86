import { hash } from "node:crypto";
import type { ProofFile } from "./envelope.ts";

/**
 * The Merkle tree hash (RFC 6962, section 2.1) over files in their order, as hex; each leaf is the line that
 * `sha256sum` prints for the file: `<sha256>  <uri>\n`.
 */
export function merkleRoot(files: readonly ProofFile[]): string {
  let level = files.map(({ uri, sha256 }) => node(0, Buffer.from(`${sha256}  ${uri}\n`)));
  // Pairs from the left, an odd one goes up as it is: the same tree as splitting at the largest power of two.
  while (level.length > 1) {
    const next: Buffer[] = [];
    for (let index = 0; index < level.length; index += 2) {
      const left = level[index] as Buffer;
      const right = level[index + 1];
      next.push(right === undefined ? left : node(1, Buffer.concat([left, right])));
    }
    level = next;
  }
  return level[0]?.toString("hex") ?? hash("sha256", "", "hex");
}

function node(prefix: 0 | 1, content: Buffer): Buffer {
  return hash("sha256", Buffer.concat([Buffer.of(prefix), content]), "buffer");
}
