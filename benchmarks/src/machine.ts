import { spawnSync } from "node:child_process";
import { readFileSync, statfsSync } from "node:fs";
import { availableParallelism, cpus, release, tmpdir, totalmem, type } from "node:os";
import { fileURLToPath } from "node:url";
import { findProgram } from "./programs.ts";

/** Where a run was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryGiB: number;
  readonly os: string;
  /** Kind of the file system that the runs write to. */
  readonly files: string;
}

/** What was measured. */
export interface Commit {
  readonly sha: string;
  /** Whether the work tree held more than the commit. */
  readonly changed: boolean;
}

/** The version of each program, `null` for one that is absent. */
export type Versions = Readonly<Record<string, string | null>>;

/** What stands on the numbers `statfs` gives (statfs(2)). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: "ext4",
  16914836: "tmpfs",
  1481003842: "xfs",
  2435016766: "btrfs",
  2035054128: "overlayfs",
};

/** Programs that do not know `--version`. */
const ASKED: Readonly<Record<string, readonly string[]>> = {
  openssl: ["version"],
  restic: ["version"],
  rclone: ["version"],
  oras: ["version"],
  tc: ["-V"],
  ip: ["-V"],
  ssh: ["-V"],
  pdftotext: ["-v"],
};

export function machine(): Machine {
  const { type: kind } = statfsSync(tmpdir());
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown CPU",
    cpus: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    files: FILE_SYSTEMS[kind] ?? `file system 0x${kind.toString(16)}`,
  };
}

/** `undefined` outside a clone. */
export function commit(): Commit | undefined {
  const git = (...args: readonly string[]) =>
    spawnSync("git", args, { encoding: "utf8", cwd: fileURLToPath(new URL(".", import.meta.url)) });
  const head = git("rev-parse", "HEAD");
  if (head.status !== 0) return undefined;
  return {
    sha: head.stdout.trim(),
    changed: git("status", "--porcelain", "--untracked-files=no").stdout.trim() !== "",
  };
}

/** Asks each program for the first line of what it says about itself. */
export function versions(programs: Iterable<string>): Versions {
  const asked = [...new Set(programs)].sort().map((name) => [name, versionOf(name)] as const);
  const manifest = fileURLToPath(import.meta.resolve("@ctxpack/cli/package.json"));
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return { node: process.version, ctxpack: version, ...Object.fromEntries(asked) };
}

function versionOf(name: string): string | null {
  if (!findProgram(name)) return null;
  const { stdout, stderr } = spawnSync(name, [...(ASKED[name] ?? ["--version"])], {
    encoding: "utf8",
    timeout: 10_000,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = `${stdout ?? ""}\n${stderr ?? ""}`.split("\n").find((line) => line.trim() !== "");
  return said?.trim().slice(0, 120) ?? "says no version";
}
