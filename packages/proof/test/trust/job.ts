// Gets a trust root as a process of its own: prints the digest of what it got, and what it counted.
import { readFileSync } from "node:fs";
import { sha256 } from "@ctxpack/identity";
import { TrustRootManager } from "@ctxpack/proof";

const [, , directory = "", url = "", rootFile = "", ...flags] = process.argv;
const root = readFileSync(rootFile);
const counted: string[] = [];
await using manager = new TrustRootManager({
  directory,
  mirror: { name: "mock", url, root, rootDigest: sha256(root) },
  ttlMs: flags.includes("stale") ? 0 : undefined,
  offline: flags.includes("offline"),
  metrics: {
    counter: (name, labels) => counted.push([name, labels?.["outcome"]].join(" ").trim()),
    histogram: () => {},
    gauge: () => {},
  },
});
try {
  await manager.get();
  console.log(JSON.stringify({ digest: sha256(await manager.export()), counted }));
} catch (error) {
  console.log(JSON.stringify({ code: (error as { code?: string }).code, counted }));
}
