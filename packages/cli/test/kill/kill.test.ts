// kill -9 at many instants of seed, push and pull, each in a real process: never a pack that is visible and
// incomplete, nothing is damaged, the next run completes, and nothing of the dead process is left. CTXPACK_TEST_KILLS sets how many
// (`pnpm torture`: 200).
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeReadOnly } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { cleanUp, result, run, scratch } from "../run.ts";

cleanUp();

const kills = Number(process.env["CTXPACK_TEST_KILLS"] ?? 40);
const preload = join(import.meta.dirname, "preload.ts");
const phases = ["hash", "blob write", "manifest", "rename", "layout index"] as const;
type Phase = (typeof phases)[number];

/** One of the three commands, and the folder it starts from. */
interface Scenario {
  readonly name: string;
  readonly template: string;
  readonly args: readonly string[];
  /** The store or the pantry that the command writes. */
  readonly writes: "store" | "pantry";
}

/** A file system call to die at: the n-th that the preload counts in this scenario. */
interface Instant {
  readonly scenario: Scenario;
  readonly call: number;
}

async function scenarios(): Promise<{ uri: string; all: Scenario[] }> {
  const first = scratch();
  writeFileSync(join(first, "c.json"), JSON.stringify({ transforms: [{ tool: "t" }] }));
  mkdirSync(join(first, "out/folder"), { recursive: true });
  let state = 1;
  for (let i = 0; i < 40; i++) {
    const bytes = Uint8Array.from({ length: 1 + i * 3000 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    });
    writeFileSync(join(first, i % 2 ? `out/${i}.bin` : `out/folder/${i}.bin`), bytes);
  }
  const seeded = copy(first);
  const uri = await result(["seed", "out", "--contract", "c.json"], { cwd: seeded });
  const pushed = copy(seeded);
  await result(["push", uri, "--to", "oci:pantry"], { cwd: pushed });
  removeReadOnly(join(pushed, "store"));
  return {
    uri,
    all: [
      {
        name: "seed",
        template: first,
        args: ["seed", "out", "--contract", "c.json"],
        writes: "store",
      },
      {
        name: "push",
        template: seeded,
        args: ["push", uri, "--to", "oci:pantry"],
        writes: "pantry",
      },
      {
        name: "pull",
        template: pushed,
        args: ["pull", uri, "--from", "oci:pantry"],
        writes: "store",
      },
    ],
  };
}

function copy(folder: string): string {
  const to = scratch();
  cpSync(folder, to, { recursive: true, verbatimSymlinks: true });
  return to;
}

function killer(cwd: string, at: number): Record<string, string> {
  return {
    NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} --import=${preload}`,
    CTXPACK_TEST_KILL_AT: String(at),
    CTXPACK_TEST_KILL_LOG: join(cwd, "kill.log"),
    CTXPACK_TEST_KILL_SOURCE: join(cwd, "out"),
    CTXPACK_TEST_KILL_ROOTS: `${join(cwd, "store")}:${join(cwd, "pantry")}`,
  };
}

/** Every file below a folder, but those whose names are a process's own business, and the table that `why` learns again. */
function files(folder: string): string {
  const found = spawnSync("find", [folder, "-type", "f", "-printf", "%P %s\n"]).stdout.toString();
  return found
    .split("\n")
    .filter(
      (line) =>
        !/^(store\.db|\.ctxpack\/lock|known-(contracts|records)|packs\/|snapshots\/|tally\.json|trees\/.*made\.json)/.test(
          line,
        ),
    )
    .sort()
    .join("\n");
}

/** The instants of one undisturbed run, by phase, and what that run leaves on disk. */
async function survey(scenario: Scenario): Promise<{ calls: Map<Phase, number[]>; left: string }> {
  const cwd = copy(scenario.template);
  await result(scenario.args, { cwd, env: killer(cwd, Number.POSITIVE_INFINITY) });
  const calls = new Map<Phase, number[]>(phases.map((phase) => [phase, []]));
  const log = readFileSync(join(cwd, "kill.log"), "utf8").trimEnd().split("\n");
  for (const [index, phase] of log.entries()) calls.get(phase as Phase)?.push(index + 1);
  return { calls, left: files(join(cwd, scenario.writes)) };
}

/** As many instants per phase, spread over all the calls of that phase in all scenarios. */
function choose(pool: Map<Phase, Instant[]>): Instant[] {
  const each = Math.ceil(kills / phases.length);
  return phases.flatMap((phase) => {
    const instants = pool.get(phase) ?? [];
    return Array.from(
      { length: each },
      (_, i) => instants[Math.floor((i * instants.length) / each) % instants.length] as Instant,
    );
  });
}

/** Kills one process, then looks at what it left and lets the next run finish the work. */
async function killOnce(
  { scenario, call }: Instant,
  uri: string,
  left: string,
): Promise<Phase | undefined> {
  const cwd = copy(scenario.template);
  const dead = await run(scenario.args, { cwd, env: killer(cwd, call) });
  if (dead.code !== null) return undefined;
  const { phase, name, path } = JSON.parse(readFileSync(join(cwd, "kill.log"), "utf8"));
  const where = `${scenario.name} killed at call ${call}: ${phase}, ${name} ${path}`;

  // Visible means complete: whatever says it has the pack gives all of it, with no other source in reach.
  const from = scenario.writes === "pantry" ? ["--from", "oci:pantry"] : [];
  const env: Record<string, string> =
    scenario.writes === "pantry" ? { CTXPACK_CACHE_DIR: join(cwd, "other-store") } : {};
  if (scenario.writes === "store" || existsSync(join(cwd, "pantry"))) {
    const seen = await run(["exists", uri, ...from], { cwd, env });
    // A directory that has not become a layout yet is a path where there is no pantry: 2.
    const absent = existsSync(join(cwd, scenario.writes, "oci-layout")) ? 3 : 2;
    expect([0, 3, absent], `${where}\n${seen.stderr}`).toContain(seen.code);
    if (seen.code === 0) {
      const pulled = await run(["pull", uri, ...from, "--verify", "--to", "seen"], { cwd, env });
      expect(pulled.code, `${where}: visible and incomplete\n${pulled.stderr}`).toBe(0);
      expectSame(cwd, "seen", where);
    }
  }

  // At no instant anything is damaged: there are leftovers at most.
  if (existsSync(join(cwd, "store/VERSION"))) {
    const looked = await run(["fsck", "--deep"], { cwd });
    expect(looked.code, `${where}: damage\n${looked.stdout}`).toBe(0);
  }

  const again = await run(scenario.args, { cwd });
  expect(again.code, `${where}: the next run fails\n${again.stderr}`).toBe(0);
  const whole = await run(["pull", uri, ...from, "--verify", "--to", "whole"], { cwd, env });
  expect(whole.code, `${where}\n${whole.stderr}`).toBe(0);
  expectSame(cwd, "whole", where);
  const now = files(join(cwd, scenario.writes));
  expect(
    now.split("\n").filter((line) => !line.startsWith("trees/")),
    `${where}: left behind`,
  ).toEqual(left.split("\n").filter((line) => !line.startsWith("trees/")));
  removeReadOnly(cwd);
  return phase;
}

function expectSame(cwd: string, folder: string, where: string): void {
  const difference = spawnSync("diff", ["-r", "out", folder], { cwd });
  expect(difference.stdout.toString() + difference.stderr.toString(), where).toBe("");
}

test(`kill -9 at ${kills} instants of seed, push and pull`, { timeout: 1_200_000 }, async () => {
  const { uri, all } = await scenarios();
  const pool = new Map<Phase, Instant[]>(phases.map((phase) => [phase, []]));
  const left = new Map<Scenario, string>();
  for (const scenario of all) {
    const surveyed = await survey(scenario);
    left.set(scenario, surveyed.left);
    for (const phase of phases) {
      const instants = surveyed.calls.get(phase) ?? [];
      pool.get(phase)?.push(...instants.map((call) => ({ scenario, call })));
    }
  }
  const counter = new Map<string, number>();
  const problems: string[] = [];
  const queue = choose(pool);
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const phase = await killOnce(next, uri, left.get(next.scenario) ?? "").catch((error) => {
        problems.push(String(error).slice(0, 1500));
        return "failed";
      });
      const key = phase ?? "finished before the instant";
      counter.set(key, (counter.get(key) ?? 0) + 1);
      // Runs differ by a few calls: one that was over too soon dies a little earlier instead.
      if (phase === undefined && next.call > 5) queue.push({ ...next, call: next.call - 5 });
    }
  };
  await Promise.all([worker(), worker()]);
  expect(problems).toEqual([]);
  console.log(`killed at: ${[...counter].map(([phase, n]) => `${phase} ${n}`).join(", ")}`);
  for (const phase of phases) {
    // A fifth each was meant; on a busy machine a run is a few calls behind or ahead of the surveyed one.
    expect(counter.get(phase) ?? 0, phase).toBeGreaterThanOrEqual(Math.floor(kills / 20));
  }
});
