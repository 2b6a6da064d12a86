// Fills a store with packs of many contracts, for questions about large stores.
//
//   node benchmarks/src/fill-store.ts STORE COUNT
//
// Contracts as a team leaves them: a hundred names, each with many versions of inputs, code and params. Several processes
// share the work, for a pack waits for the disk more than it computes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "@ctxpack/cache";
import { canonicalBytes, sha256 } from "@ctxpack/identity";

/** Fewer packs than this are not worth another process. */
const LEAST = 500;

const [dir = "", count = "", first, step] = process.argv.slice(2);
if (first === undefined) process.exitCode = await share(Number(count));
else await fill(Number(first), Number(count), Number(step));

/** Each process takes every so manieth pack. */
async function share(total: number): Promise<number> {
  mkdirSync(dir, { recursive: true });
  const processes = Math.max(1, Math.min(2 * availableParallelism(), Math.floor(total / LEAST)));
  const codes = await Promise.all(
    Array.from({ length: processes }, async (_, i) => {
      const args = [import.meta.filename, dir, String(total), String(i), String(processes)];
      const child = spawn(process.execPath, [...process.execArgv, ...args], { stdio: "inherit" });
      const [code] = await once(child, "close");
      return code as number | null;
    }),
  );
  return codes.every((code) => code === 0) ? 0 : 1;
}

async function fill(from: number, to: number, by: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ctxpack-fill-"));
  try {
    await using store = await Store.open(dir, {
      blocking: true,
      budget: Number.POSITIVE_INFINITY,
    });
    for (let job = from; job < to; job += by) {
      writeFileSync(join(folder, "output.txt"), `the output of job ${job}\n`);
      await store.seed(folder, contract(job), { name: `index-${job % 100}` });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
