// Fills a store with packs of many contracts, for questions about large stores.
//
//   node benchmarks/src/fill-store.ts STORE COUNT
//
// Contracts as a team leaves them: a hundred names, each with many versions of inputs, code and params.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@ctxpack/cache";
import { canonicalBytes, sha256 } from "@ctxpack/identity";

const [dir = "", count = ""] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "ctxpack-fill-"));
mkdirSync(dir, { recursive: true });
try {
  await using store = await Store.open(dir, {
    blocking: true,
    budget: Number.POSITIVE_INFINITY,
  });
  for (let job = 0; job < Number(count); job++) {
    writeFileSync(join(folder, "output.txt"), `the output of job ${job}\n`);
    await store.seed(folder, contract(job), { name: `index-${job % 100}` });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function contract(job: number): Uint8Array {
  const version = Math.floor(job / 100);
  const digest = (what: string) => sha256(Buffer.from(`${what} ${job}`));
  return canonicalBytes({
    command: ["node", "src/embed.ts", "{in:docs}", "{out}"],
    inputs: [
      { digest: digest("docs").replace("sha256", "dirHash1"), name: "docs" },
      { digest: digest("prompt"), name: "prompt" },
    ],
    schema: "ctxpack.contract/v1",
    transforms: [
      {
        code_hash: digest("code").replace("sha256", "dirHash1"),
        env: { REGION: digest("region") },
        model: "text-embedding-3-large",
        params: { chunk_size: 256 + version, dpi: 300, overlap: version % 7, strategy: "semantic" },
        tool: `tool-${job % 100}`,
        tool_version: "1.2",
      },
    ],
  });
}
