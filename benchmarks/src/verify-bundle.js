// Verifies one bundle with a public key, by the library alone: `verify-bundle.js <bundle> <key.pub>`.
import { readFile } from "node:fs/promises";
import { readPublicKey, verifyBundle } from "@ctxpack/proof";

const [bundle, key] = process.argv.slice(2);
const keys = [{ name: "bench", publicKey: await readPublicKey(key) }];
await verifyBundle(await readFile(bundle), { keys, trustRoots: [] });
