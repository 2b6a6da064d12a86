// 100,000 steps: memory that does not grow with them as a whole would. Times are printed, never asserted.
import { spawn } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { missingProgram } from "@ctxpack/test-tools";
import { beforeAll, describe, expect, test } from "vitest";
import { bin, cleanUp, scratch } from "../run.ts";

cleanUp();

const STEPS = 100_000;
/** In MiB. The log has 15 MB, its steps 17 MB; a list of one run takes 67 MiB, the rest of the commands up to 180. */
const MOST = 320;

interface Measured {
  readonly code: number | null;
  readonly seconds: number;
  /** The most that was resident at once, in MiB. */
  readonly peak: number;
  /** The first and the last of stdout, in bytes. */
  readonly head: string;
  readonly tail: string;
  readonly bytes: number;
  readonly stderr: string;
}

/** Runs a command under GNU time; its stdout is read and not kept. */
async function measure(cwd: string, ...args: string[]): Promise<Measured> {
  const started = performance.now();
  const file = join(cwd, "rss");
  const child = spawn("time", ["-f", "%M", "-o", file, process.execPath, bin, ...args], {
    cwd,
    env: { PATH: process.env["PATH"] ?? "", HOME: cwd, CTXPACK_CACHE_DIR: join(cwd, "store") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [head, tail, stderr, bytes] = ["", "", "", 0];
  child.stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (head.length < 4096) head += chunk.toString();
    tail = (tail + chunk.toString()).slice(-4096);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  const code = await promise;
  const seconds = (performance.now() - started) / 1000;
  const peak = Number(readFileSync(file, "utf8").trim().split("\n").at(-1)) / 1024;
  console.log(`${args.slice(0, 2).join(" ")}: ${seconds.toFixed(1)} s, ${peak.toFixed(0)} MiB`);
  return { code, seconds, peak, head, tail, bytes, stderr };
}

/** A chat: a call of a tool and its answer, over and over, with one more in the middle if asked for. */
function* chat(inserted?: number): Generator<string> {
  const line = (value: object) => `${JSON.stringify(value)}\n`;
  yield line({ role: "user", content: "Read all of them." });
  const call = (id: string, path: string) => [
    line({
      role: "assistant",
      content: `I read ${path}.`,
      tool_calls: [
        {
          id,
          type: "function",
          function: { name: "read_file", arguments: JSON.stringify({ path }) },
        },
      ],
    }),
    line({ role: "tool", tool_call_id: id, content: `What ${path} holds, and some more of it.` }),
  ];
  for (let i = 0; i < STEPS / 2; i++) {
    if (i === inserted) yield line({ role: "user", content: "Take care." });
    yield* call(`call_${i}`, `folder/${i}.txt`);
  }
}

describe.skipIf(missingProgram("time"))("a run of 100,000 steps", () => {
  let cwd: string;
  const uris: string[] = [];

  beforeAll(async () => {
    cwd = scratch();
    for (const [name, inserted] of [
      ["a.jsonl", undefined],
      ["b.jsonl", STEPS / 4],
    ] as const) {
      await pipeline(Readable.from(chat(inserted)), createWriteStream(join(cwd, name)));
    }
  });

  test("pack", async () => {
    for (const name of ["a.jsonl", "b.jsonl"]) {
      const packed = await measure(cwd, "trace", "pack", name);
      expect(packed.code, packed.stderr).toBe(0);
      expect(packed.peak).toBeLessThan(MOST);
      uris.push(packed.head.trim());
    }
  });

  test("show, as text and as JSON; one step of it", async () => {
    const [uri = ""] = uris;
    const text = await measure(cwd, "trace", "show", uri);
    expect(text.code, text.stderr).toBe(0);
    expect(text.head).toContain(`Steps (${STEPS + 1}):`);
    expect(text.tail).toContain(`[${STEPS}] tool read_file`);
    const json = await measure(cwd, "trace", "show", uri, "--json");
    expect(json.code, json.stderr).toBe(0);
    expect(json.tail.endsWith("]}\n")).toBe(true);
    expect(json.bytes).toBeGreaterThan(STEPS * 100);
    const step = await measure(cwd, "trace", "show", uri, "--step", String(STEPS));
    expect(step.head).toContain(`What folder/${STEPS / 2 - 1}.txt holds`);
    for (const { peak } of [text, json, step]) expect(peak).toBeLessThan(MOST);
  });

  test("diff with one step put in: one entry", async () => {
    const [a = "", b = ""] = uris;
    const compared = await measure(cwd, "trace", "diff", a, b, "--json");
    expect(compared.code, compared.stderr).toBe(0);
    const diff = JSON.parse(compared.head);
    expect(diff.entries).toEqual([
      expect.objectContaining({
        type: "prompt_drift",
        change: "added",
        path: `/steps/${STEPS / 2 + 1}`,
      }),
    ]);
    expect(diff.steps).toMatchObject({ same: STEPS + 1, added: 1, changed: 0, removed: 0 });
    expect(compared.peak).toBeLessThan(MOST);
  });

  test("replay as an audit, and log", async () => {
    const [uri = ""] = uris;
    const audit = await measure(cwd, "trace", "replay", uri);
    expect(audit.code, audit.stderr).toBe(0);
    const log = await measure(cwd, "trace", "log");
    expect(log.head).toContain(`${STEPS + 1} steps`);
    for (const { peak } of [audit, log]) expect(peak).toBeLessThan(MOST);
  });
});
