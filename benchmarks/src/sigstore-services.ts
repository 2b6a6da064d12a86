// Sigstore's services on loopback, as a process of their own: `sigstore-services.ts <file>` writes what is known of them
// into the file, and runs until it is ended.
import { renameSync, writeFileSync } from "node:fs";
import { startSigstore } from "@ctxpack/test-tools";

const [, , file = ""] = process.argv;
const { urls, trustedRoot, signingConfig, tufRoot } = await startSigstore();
writeFileSync(`${file}.new`, JSON.stringify({ urls, trustedRoot, signingConfig, tufRoot }));
renameSync(`${file}.new`, file);
