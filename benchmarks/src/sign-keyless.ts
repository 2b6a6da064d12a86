// Signs keyless against services on loopback: `sign-keyless.ts <facts> <count>` prints, for each kind of witness, what a
// signature takes: milliseconds on the wall (median, p95) and of CPU time in this process.
import { readFileSync } from "node:fs";
import {
  createStatement,
  keylessSigner,
  rekorV1Witness,
  rekorV2Witness,
  signStatement,
  tsaWitness,
} from "@ctxpack/proof";
import { identityToken, type SigstoreFacts } from "@ctxpack/test-tools";

const [, , facts = "", count = "1"] = process.argv;
const { urls } = JSON.parse(readFileSync(facts, "utf8")) as SigstoreFacts;
const signer = keylessSigner({
  identity: { token: async () => identityToken() },
  fulcioUrl: urls.fulcio,
});
const tsa = tsaWitness({ url: `${urls.tsa}/api/v1/timestamp` });
const kinds = {
  "a timestamp": [tsa],
  "Rekor v1": [rekorV1Witness({ url: urls.rekorV1 })],
  "Rekor v2 and a timestamp": [rekorV2Witness({ url: urls.rekorV2 }), tsa],
};
const statement = createStatement({
  subject: { name: "registry.example/packs", digest: `sha256:${"0".repeat(64)}` },
  predicateType: "https://example.com/measured/v1",
  predicate: { files: Array.from({ length: 100 }, (_, index) => `file-${index}`) },
});
for (const [kind, witnesses] of Object.entries(kinds)) {
  const times: number[] = [];
  const cpu = process.cpuUsage();
  for (let i = 0; i < Number(count); i++) {
    const started = performance.now();
    await signStatement(statement, { signer, witnesses });
    times.push(performance.now() - started);
  }
  const { user, system } = process.cpuUsage(cpu);
  times.sort((a, b) => a - b);
  const at = (part: number): string =>
    (times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0).toFixed(1);
  const own = ((user + system) / 1000 / times.length).toFixed(1);
  console.log(`${kind}\t${at(0.5)}\t${at(0.95)}\t${own}`);
}
