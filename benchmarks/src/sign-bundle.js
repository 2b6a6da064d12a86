// Makes a key and a bundle, and what openssl needs to verify the same signature: `sign-bundle.js <folder>`.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  createStatement,
  generateKey,
  localSigner,
  parseBundle,
  preAuthEncoding,
  signStatement,
  writeKeyFiles,
} from "@ctxpack/proof";

const [folder] = process.argv.slice(2);
const { privateKey } = await writeKeyFiles(join(folder, "k.pem"), await generateKey());
const statement = createStatement({
  subject: { name: "registry.example/packs", digest: `sha256:${"0".repeat(64)}` },
  predicateType: "https://slsa.dev/provenance/v1",
  predicate: {},
});
const { bytes } = await signStatement(statement, {
  signer: await localSigner({ file: privateKey }),
});
const { envelope } = parseBundle(bytes).content;
await writeFile(join(folder, "bundle.sigstore.json"), bytes);
await writeFile(join(folder, "message"), preAuthEncoding(envelope.payloadType, envelope.payload));
await writeFile(join(folder, "signature"), envelope.signature);
