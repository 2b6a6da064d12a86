import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { median } from "./median.ts";
import type { Growth } from "./question.ts";

/** One way of doing the job: a command line that is run as a whole process, again and again. */
export interface Contender {
  readonly name: string;
  /** Whether it is ours and not a peer; unless said, it is if its name starts with `ctxpack` in code marks. */
  readonly ours?: boolean;
  /** Does nothing of what is asked, or only the bare work: ours does not compete with it. */
  readonly floor?: true;
  /** A part of the name of the row of ours that does the same work, if that is not the first. */
  readonly against?: string;
  /** How it is configured, where that is not all in its name. */
  readonly setup?: string;
  /** The point of a curve of growth that it is. */
  readonly grows?: Growth;
  /** The command of this run; `run` is unique, so whatever it writes can go into a fresh folder. */
  argv(run: number): readonly string[];
  /** What must be there before the clock starts. */
  prepare?(run: number): void;
  /** Files and folders that this run leaves behind; after the first run their space is given back. */
  leaves?(run: number): readonly string[];
  env?(run: number): Record<string, string>;
  /** The file that its stdout goes into; nowhere unless said. */
  output?(run: number): string;
  /** What it exits with when it did its work, if not with 0. */
  readonly exitCode?: number;
  /** How often it is run and counted, where that takes too long for all rounds; then nothing warms it up. */
  readonly runs?: number;
}

/** Medians over the runs of one contender. */
export interface Measurement {
  readonly name: string;
  readonly ours: boolean;
  readonly floor?: true;
  readonly against?: string;
  readonly setup?: string;
  readonly grows?: Growth;
  /** Every counted run, in order. */
  readonly samples: readonly Sample[];
  /** Seconds on the wall: median, fastest, slowest. */
  readonly wall: { readonly median: number; readonly least: number; readonly most: number };
  /** Seconds of CPU time of the process and its children, user and system; absent without GNU time. */
  readonly cpu?: number;
  /** Peak resident memory of the largest single process, in MiB; absent without GNU time. */
  readonly peak?: number;
  readonly runs: number;
}

export interface MeasureOptions {
  /** Counted runs of each contender. */
  readonly runs: number;
  /** Uncounted runs before them. */
  readonly warmUps: number;
  /** Files and folders that are read before every run. */
  readonly reads?: readonly string[] | undefined;
  /** A folder of ours for what the clock writes. */
  readonly scratch: string;
}

/** What one run took: the units of a `Measurement`. */
export interface Sample {
  readonly wall: number;
  readonly cpu?: number;
  readonly peak?: number;
}

const TIME = "/usr/bin/time";

/** GNU time gives CPU seconds and peak memory; without it only the wall is measured. */
export function hasGnuTime(): boolean {
  return spawnSync(TIME, ["--version"]).status === 0;
}

/**
 * Runs all contenders in turn, round after round, so that a noisy minute hits each of them.
 * Throws an Error with the command's stderr when one fails.
 */
export function compare(contenders: readonly Contender[], options: MeasureOptions): Measurement[] {
  const timed = hasGnuTime();
  const samples = new Map<Contender, Sample[]>(contenders.map((one) => [one, []]));
  for (let run = 0; run < options.warmUps + options.runs; run++) {
    for (const [contender, list] of samples) {
      if (run >= (contender.runs ?? Number.POSITIVE_INFINITY)) continue;
      const sample = measure(contender, run, { ...options, timed });
      if (run >= options.warmUps || contender.runs !== undefined) list.push(sample);
      // The first run's output stays for the round's check.
      if (run > 0) for (const path of contender.leaves?.(run) ?? []) giveSpaceBack(path);
    }
  }
  return [...samples].map(([contender, list]) => summarise(contender, list));
}

function measure(
  contender: Contender,
  run: number,
  o: Pick<MeasureOptions, "reads" | "scratch"> & { readonly timed: boolean },
): Sample {
  const { timed } = o;
  const report = join(o.scratch, "time");
  contender.prepare?.(run);
  // What earlier runs wrote goes to the disk now, not during somebody else's time.
  spawnSync("sync");
  // And what somebody else's run has crowded out is fetched back.
  for (const path of o.reads ?? []) readAll(path);
  const argv = [...contender.argv(run)];
  const command = timed ? [TIME, "-q", "-f", "%U %S %M", "-o", report, "--", ...argv] : argv;
  const env = { ...process.env, ...contender.env?.(run) };
  const output = contender.output?.(run);
  const stdout = output === undefined ? "ignore" : openSync(output, "w");
  const started = process.hrtime.bigint();
  const { status, stderr, error } = spawnSync(command[0] ?? "", command.slice(1), {
    env,
    stdio: ["ignore", stdout, "pipe"],
  });
  const wall = Number(process.hrtime.bigint() - started) / 1e9;
  if (typeof stdout === "number") closeSync(stdout);
  if (error || status !== (contender.exitCode ?? 0)) {
    throw new Error(
      `${contender.name}: ${argv.join(" ")}: exit ${status}\n${error ?? tail(String(stderr))}`,
    );
  }
  if (!timed) return { wall };
  const [user, system, peak] = readFileSync(report, "utf8").trim().split(" ").map(Number);
  return { wall, cpu: (user ?? 0) + (system ?? 0), peak: (peak ?? 0) / 1024 };
}

/** The end of what a program said: some of them draw progress all the time. */
function tail(text: string): string {
  return text.length <= SAID ? text : `…${text.slice(-SAID)}`;
}

const SAID = 2000;

/** Puts a file, or all of a folder, into the page cache. */
function readAll(path: string): void {
  if (!existsSync(path)) return;
  if (lstatSync(path).isDirectory()) {
    for (const name of readdirSync(path)) readAll(join(path, name));
    return;
  }
  if (!lstatSync(path).isFile()) return;
  const fd = openSync(path, "r");
  try {
    while (readSync(fd, BUFFER) > 0);
  } finally {
    closeSync(fd);
  }
}

const BUFFER: Buffer = Buffer.allocUnsafe(1 << 20);

const LARGE = 65_536;

/**
 * Empties files of `least` bytes and more and deletes none: ext4 is slow at creating files for minutes after others were
 * deleted, and the next run would pay for it.
 */
export function giveSpaceBack(path: string, least: number = LARGE): void {
  if (!existsSync(path)) return;
  const files = lstatSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, encoding: "utf8" }).map((name) => join(path, name))
    : [path];
  for (const file of files) {
    const stats = lstatSync(file);
    // What has another name is somebody else's too, and would free nothing: git-lfs sends to a folder by hard links.
    if (!stats.isFile() || stats.nlink > 1 || stats.size < least) continue;
    // What a store holds is read-only.
    chmodSync(file, 0o600);
    truncateSync(file, 0);
  }
}

function summarise(contender: Contender, samples: readonly Sample[]): Measurement {
  const { name, ours = name.startsWith("`ctxpack"), floor, against, setup, grows } = contender;
  const walls = samples.map(({ wall }) => wall);
  const known = (pick: (sample: Sample) => number | undefined): number[] =>
    samples.map(pick).filter((value) => value !== undefined);
  const cpu = known((sample) => sample.cpu);
  const peak = known((sample) => sample.peak);
  return {
    name,
    ours,
    ...(floor && { floor }),
    ...(against !== undefined && { against }),
    ...(setup !== undefined && { setup }),
    ...(grows && { grows }),
    samples,
    wall: { median: median(walls), least: Math.min(...walls), most: Math.max(...walls) },
    ...(cpu.length > 0 && { cpu: median(cpu) }),
    ...(peak.length > 0 && { peak: median(peak) }),
    runs: samples.length,
  };
}
