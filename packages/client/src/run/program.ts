import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

/** Why a command cannot be started, and the exit code shells give for it. */
export interface Unstartable {
  readonly exitCode: 126 | 127;
  readonly message: string;
}

/** What is started. */
export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
}

/** Where programs are looked for when PATH is unset. */
const DEFAULT_PATH = "/usr/bin:/bin";

const UMASK = "0022";

/** Variables that a shell sets on its own. */
const OF_SHELLS = ["PWD", "OLDPWD", "SHLVL", "_"];

/** Looks for the program that `argv` names as the child will; `undefined` when there is one. */
export function findObstacle(
  argv: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Unstartable | undefined {
  // Windows looks for more than a file of this name.
  if (process.platform === "win32") return undefined;
  const [program = ""] = argv;
  const candidates = program.includes("/")
    ? [resolve(cwd, program)]
    : (env["PATH"] ?? DEFAULT_PATH).split(delimiter).map((dir) => join(resolve(cwd, dir), program));
  const found = candidates.filter((path) => isFile(path));
  if (found.some((path) => isExecutable(path))) return undefined;
  const [first] = found;
  return first === undefined
    ? { exitCode: 127, message: `${program}: there is no such program` }
    : { exitCode: 126, message: `${first} is not executable` };
}

/**
 * The command with the umask 022. A process can only set its own, for all its threads at once: unless it has this one
 * already, a shell sets it on the way, and no variable of the shell's own reaches the command.
 */
export function withUmask(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): CommandLine {
  const [file = "", ...args] = argv;
  if (process.platform === "win32" || ownUmask() === UMASK) return { file, args };
  const unset = OF_SHELLS.filter((name) => !Object.hasOwn(env, name)).flatMap((n) => ["-u", n]);
  const script = 'umask 022 && exec /usr/bin/env "$@"';
  return { file: "/bin/sh", args: ["-c", script, "sh", ...unset, "--", ...argv] };
}

/** Asking Node.js for it would set it for a moment; Linux tells. */
function ownUmask(): string | undefined {
  try {
    return /^Umask:\t([0-7]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  } catch {
    return undefined;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
