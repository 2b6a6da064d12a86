// Gets a trust root: `trust-root.ts <facts> <directory>` prints the milliseconds it took, and what was counted.
import { readFileSync } from "node:fs";
import { sha256 } from "@ctxpack/identity";
import { TrustRootManager } from "@ctxpack/proof";
import type { SigstoreFacts } from "@ctxpack/test-tools";

const [, , facts = "", directory = ""] = process.argv;
const { urls, tufRoot } = JSON.parse(readFileSync(facts, "utf8")) as SigstoreFacts;
const root = new TextEncoder().encode(tufRoot);
const counted: string[] = [];
const metrics = {
  counter: (name: string) => counted.push(name.replace("proof_artifacts.cache.", "")),
  histogram: () => {},
  gauge: () => {},
};
const mirror = { name: "mock", url: urls.tuf, root, rootDigest: sha256(root) };
const started = performance.now();
await using manager = new TrustRootManager({ directory, mirror, metrics });
await manager.get();
console.log(`${(performance.now() - started).toFixed(1)}\t${counted.join(" ")}`);
