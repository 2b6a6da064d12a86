// Verifies a bundle with a key in a process of its own, and prints which of sigstore's modules were loaded for it.
import { createPublicKey } from "node:crypto";
import { createRequire } from "node:module";
import { generateKey, localSigner, signStatement, verifyBundle } from "@ctxpack/proof";
import { testStatement } from "../fixture.ts";

const { privateKey, publicKey } = await generateKey();
const signer = await localSigner({ pem: privateKey });
const { bytes } = await signStatement(testStatement(), { signer });
const keys = [{ name: "k", publicKey: createPublicKey(publicKey) }];
const { signer: found } = await verifyBundle(bytes, { keys, trustRoots: [] });
const loaded = Object.keys(createRequire(import.meta.url).cache);
const sigstore = loaded.filter((file) => file.includes("sigstore") || file.includes("tuf"));
console.log(JSON.stringify({ verified: found.kind, sigstore }));
