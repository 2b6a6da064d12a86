import { hash, type KeyObject } from "node:crypto";
import { algorithmOf } from "./algorithm.ts";

/**
 * The OpenSSH fingerprint of a public key, `SHA256:` and unpadded base64, as `ssh-keygen -lf` prints it. Bundles name
 * keys by it: verifiers built on go-securesystemslib skip a signature whose `keyid` is anything else.
 *
 * @throws CtxPackError `CTXPACK_E_KEY_FILE` for a key that is neither ECDSA P-256 nor Ed25519.
 */
export function keyId(publicKey: KeyObject): string {
  const digest = hash("sha256", sshWireFormat(publicKey), "base64");
  return `SHA256:${digest.replaceAll("=", "")}`;
}

/** Every name by which a bundle may mean a key: its OpenSSH fingerprint, and its SPKI's SHA-256 in base64 and hex. */
export function keyIds(publicKey: KeyObject): readonly string[] {
  const spki = publicKey.export({ type: "spki", format: "der" });
  return [keyId(publicKey), hash("sha256", spki, "base64"), hash("sha256", spki, "hex")];
}

/** RFC 4253 §6.6 strings, by RFC 5656 §3.1 for P-256 and RFC 8709 §4 for Ed25519. */
function sshWireFormat(publicKey: KeyObject): Buffer {
  const algorithm = algorithmOf(publicKey, "the public key");
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const [first, second] = [Buffer.from(x, "base64url"), Buffer.from(y, "base64url")];
  if (algorithm === "ed25519") return sshStrings(Buffer.from("ssh-ed25519"), first);
  // SEC 1: 4 is the uncompressed point.
  const point = Buffer.concat([Buffer.of(4), first, second]);
  return sshStrings(Buffer.from("ecdsa-sha2-nistp256"), Buffer.from("nistp256"), point);
}

function sshStrings(...strings: readonly Buffer[]): Buffer {
  return Buffer.concat(
    strings.flatMap((string) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(string.length);
      return [length, string];
    }),
  );
}
