// Not about speed: pulls one pack again and again through a link that loses and changes bytes, and looks at what
// became of each. `node --conditions=@ctxpack/source benchmarks/src/fault-link.ts [--pulls 1000] [--seed 1]`
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CtxPack, CtxPackError } from "@ctxpack/client";
import { removeReadOnly, startDockerRegistry, startFaultLink } from "@ctxpack/test-tools";

const LANES = 8;
/** A pull that failed is tried again in the same store, as a person would. */
const TRIES = 6;
/** Nothing may take longer than this, in milliseconds. */
const LIMIT_MS = 240_000;
/** What may come of a pull beside the right bytes: the link is bad, or what came through it is. */
const CLEAR: readonly string[] = [
  "CTXPACK_E_UNAVAILABLE",
  "CTXPACK_E_PROTOCOL",
  "CTXPACK_E_DIGEST_MISMATCH",
  "CTXPACK_E_SIZE_MISMATCH",
  "CTXPACK_E_MANIFEST",
  "CTXPACK_E_PACK",
];

/** Per piece of up to 64 KiB, on its way to us and, but for corrupt and repeat, to the registry. */
const RATES = {
  drop: 0.01,
  reset: 0.01,
  truncate: 0.01,
  corrupt: 0.01,
  repeat: 0.005,
  delay: 0.03,
};

const { values } = parseArgs({
  options: { pulls: { type: "string", default: "1000" }, seed: { type: "string", default: "1" } },
});
const pulls = Number(values.pulls);

const root = mkdtempSync(join(tmpdir(), "ctxpack-fault-link-"));
try {
  process.exitCode = await run();
} finally {
  removeReadOnly(root);
}

async function run(): Promise<number> {
  const output = join(root, "output");
  writeOutput(output);
  await using registry = await startDockerRegistry();
  await using link = await startFaultLink({ port: registry.port }, { seed: Number(values.seed) });
  const { uri, packed } = await publish(output, registry.host);
  Object.assign(link.rates, RATES);
  const outcomes = new Map<string, number>();
  const wrong: string[] = [];
  let right = 0;
  let rightAtOnce = 0;
  const count = (outcome: string): void => {
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  };
  const started = performance.now();
  const queue = Array.from({ length: pulls }, (_, i) => i).values();
  const lane = async (): Promise<void> => {
    for (const i of queue) {
      const store = join(root, `store-${i}`);
      for (let attempt = 1; attempt <= TRIES; attempt++) {
        const outcome = await pullOnce(store, uri, link.host, output);
        count(outcome);
        if (outcome === "right") {
          right++;
          if (attempt === 1) rightAtOnce++;
        } else if (!CLEAR.includes(outcome)) wrong.push(`pull ${i}: ${outcome}`);
        if (outcome === "right" || !CLEAR.includes(outcome)) break;
      }
      removeReadOnly(store);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const traffic = link.bytes.down / (packed * pulls);
  console.log(`${pulls} pulls of ${packed} compressed bytes, seed ${values.seed}, ${seconds} s`);
  console.log(`faults: ${JSON.stringify(link.faults)}`);
  console.log(`right at the first attempt: ${rightAtOnce}; in the end: ${right}`);
  for (const [outcome, n] of [...outcomes].sort())
    console.log(`  ${String(n).padStart(6)}  ${outcome}`);
  console.log(`bytes on the wire per pull: ${traffic.toFixed(2)} x the pack`);
  if (traffic > 3) wrong.push("more than three times the bytes of the packs were on the wire");
  if (right === 0) wrong.push("no pull ended in the right bytes");
  for (const line of wrong) console.error(line);
  return wrong.length === 0 ? 0 : 1;
}

/** The right bytes, the code of a clear error, or what should not have happened. */
async function pullOnce(
  store: string,
  uri: string,
  host: string,
  expected: string,
): Promise<string> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  try {
    const env = { HOME: root, CTXPACK_CACHE_DIR: store };
    await using ctx = await CtxPack.open({ env, cwd: root });
    const { path } = await ctx.pull(uri, { from: `${host}/fault/packs`, signal: limit });
    const { status, stdout } = spawnSync("diff", ["-r", expected, path], { encoding: "utf8" });
    return status === 0 ? "right" : `WRONG BYTES: ${stdout.slice(0, 200)}`;
  } catch (error) {
    if (limit.aborted) return "HANGS";
    if (!CtxPackError.isInstance(error)) return `NO CLEAR ERROR: ${String(error)}`;
    return error.code;
  }
}

async function publish(output: string, host: string): Promise<{ uri: string; packed: number }> {
  const contract = join(root, "contract.json");
  writeFileSync(contract, '{"transforms":[{"tool":"fault-link"}]}');
  const env = { HOME: root, CTXPACK_CACHE_DIR: join(root, "seeded") };
  await using ctx = await CtxPack.open({ env, cwd: root });
  const { record } = await ctx.seed(output, { contract });
  const { bytes } = await ctx.push(record.uri, { to: `${host}/fault/packs` });
  return { uri: record.uri, packed: bytes.sent };
}

/** About 3 MB in 24 files that do not compress, the same every time. */
function writeOutput(dir: string): void {
  let x = 1;
  for (let i = 0; i < 24; i++) {
    const bytes = Buffer.allocUnsafe(i % 6 === 0 ? 600_000 : 30_000);
    for (let at = 0; at < bytes.length; at++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      bytes[at] = x;
    }
    mkdirSync(join(dir, `${i % 4}`), { recursive: true });
    writeFileSync(join(dir, `${i % 4}`, `${i}.bin`), bytes);
  }
}
