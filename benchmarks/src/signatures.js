// Signs and verifies statements again and again: `signatures.js <count>` prints percentiles in milliseconds as JSON.
import { createPublicKey } from "node:crypto";
import {
  createStatement,
  generateKey,
  localSigner,
  signStatement,
  verifyBundle,
} from "@ctxpack/proof";

const count = Number(process.argv[2]);
const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

/** A statement of the size that a pack with a hundred inputs has. */
function statement(number) {
  const resolvedDependencies = Array.from({ length: 100 }, (_, i) => ({
    name: `inputs/${i}`,
    digest: { sha256: digest.slice(7), dirHash1: digest.slice(7) },
    annotations: { ctxpack_role: "input", ctxpack_files: i },
  }));
  return createStatement({
    subject: { name: "registry.example/packs", digest },
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: { number, buildDefinition: { resolvedDependencies } },
  });
}

function percentiles(times) {
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor((times.length - 1) * share)];
  return { p50: at(0.5), p95: at(0.95) };
}

async function measure(algorithm) {
  const { privateKey, publicKey } = await generateKey({ algorithm });
  const signer = await localSigner({ pem: privateKey });
  const keys = [{ name: "bench", publicKey: createPublicKey(publicKey) }];
  const [signing, verifying] = [[], []];
  let size = 0;
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    const { bytes } = await signStatement(statement(i), { signer });
    const signed = performance.now();
    await verifyBundle(bytes, { keys, trustRoots: [] });
    verifying.push(performance.now() - signed);
    signing.push(signed - started);
    size = bytes.length;
  }
  return { size, sign: percentiles(signing), verify: percentiles(verifying) };
}

const result = {};
for (const algorithm of ["ecdsa-p256", "ed25519"]) result[algorithm] = await measure(algorithm);
console.log(JSON.stringify(result));
