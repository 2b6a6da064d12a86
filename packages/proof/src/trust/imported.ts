import { join } from "node:path";
import { CtxPackError, type Digest, digestHex, sha256 } from "@ctxpack/identity";
import { writeWhole } from "../file/write-whole.ts";
import { makePrivateFolder, PRIVATE, readUpTo } from "./files.ts";
import { touch } from "./touch.ts";
import { parseTrustRoot, type TrustRoot } from "./trust-root.ts";
import { TUF_LIMITS } from "./tuf-state.ts";

/** The folder of the trust directory that they lie in. */
export const IMPORTED = "imported";

/** Keeps a trusted_root.json under its digest. Throws CTXPACK_E_PROOF_TRUST_ROOT if it is none, and what the disk says. */
export async function importTrustRoot(directory: string, bytes: Uint8Array): Promise<Digest> {
  if (bytes.length > TUF_LIMITS.target)
    throw refused(`it has more than ${TUF_LIMITS.target} bytes`);
  parseTrustRoot("that is imported", bytes);
  const digest = sha256(bytes);
  await makePrivateFolder(join(directory, IMPORTED));
  await writeWhole(fileOf(directory, digest), bytes, PRIVATE);
  return digest;
}

/** What was imported under a digest: these bytes and no others. Throws CTXPACK_E_PROOF_TRUST_ROOT. */
export async function readImportedBytes(directory: string, digest: Digest): Promise<Uint8Array> {
  const bytes = await readUpTo(fileOf(directory, digest), TUF_LIMITS.target);
  if (bytes === undefined) throw refused(`${digest} is not there`);
  if (sha256(bytes) !== digest) throw refused(`what lies in the place of ${digest} was changed`);
  await touch(fileOf(directory, digest));
  return bytes;
}

/** The trust root of {@link readImportedBytes}. Throws as it does. */
export async function readImported(directory: string, digest: Digest): Promise<TrustRoot> {
  return parseTrustRoot(digest, await readImportedBytes(directory, digest));
}

function fileOf(directory: string, digest: Digest): string {
  return join(directory, IMPORTED, `${digestHex(digest)}.json`);
}

function refused(what: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_PROOF_TRUST_ROOT", `the imported trust root: ${what}`, {
    hint: "import the trusted_root.json again",
  });
}
