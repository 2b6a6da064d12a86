import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where and how a registry runs: on loopback, or in a network namespace. */
export interface ServerPlace {
  /** A folder of ours. */
  readonly dir: string;
  /** Where its blobs lie; a folder in `dir` unless said. */
  readonly data?: string;
  /** The address it listens on. */
  readonly address: string;
  /** What is written before its command: `ip netns exec NAME`. */
  readonly inside?: readonly string[];
  /** Where it writes what it was asked and how many bytes it gave; nowhere unless said. */
  readonly log?: string;
}

/** Debian's registry as a process of its own, so that our clock can block ours. */
export class RegistryServer implements Disposable {
  /** host:port */
  readonly host: string;
  readonly #process: ChildProcess;

  constructor({ dir, address, inside = [], log, data = join(dir, "data") }: ServerPlace) {
    const port = freePort();
    this.host = `${address}:${port}`;
    mkdirSync(dir, { recursive: true });
    const file = join(dir, "config.yml");
    writeFileSync(
      file,
      [
        "version: 0.1",
        `log: {level: error, accesslog: {disabled: ${log === undefined}}}`,
        "storage:",
        `  filesystem: {rootdirectory: ${data}}`,
        "  maintenance: {uploadpurging: {enabled: false}}",
        `http: {addr: "${this.host}", secret: for-a-benchmark}`,
      ].join("\n"),
    );
    const [program = "", ...args] = [...inside, "docker-registry", "serve", file];
    const out = log === undefined ? "ignore" : openSync(log, "a");
    this.#process = spawn(program, args, { stdio: ["ignore", out, "ignore"] });
    if (typeof out === "number") closeSync(out);
    try {
      waitFor(`http://${this.host}/v2/`, inside);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Seconds of CPU time that it has taken so far, user and system; `undefined` where there is no /proc. */
  cpuSeconds(): number | undefined {
    try {
      const stat = readFileSync(`/proc/${this.#process.pid}/stat`, "utf8");
      // What is before the last parenthesis is a name that may hold spaces; utime and stime are fields 14 and 15.
      const [utime, stime] = stat
        .slice(stat.lastIndexOf(")") + 2)
        .split(" ")
        .slice(11, 13);
      // The kernel gives them in hundredths, whatever its own clock does.
      return (Number(utime) + Number(stime)) / 100;
    } catch {
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#process.kill("SIGKILL");
  }
}

/** Waits until something answers. Throws an Error after ten seconds. */
export function waitFor(url: string, inside: readonly string[] = []): void {
  const [program = "", ...args] = [
    ...inside,
    ...["curl", "-s", "-o", "/dev/null", "--retry", "50", "--retry-connrefused"],
    ...["--retry-delay", "0", "--retry-max-time", "10", url],
  ];
  const { status } = spawnSync(program, args);
  if (status !== 0) throw new Error(`nothing answers at ${url}`);
}

/** A port that is free now. */
function freePort(): number {
  const code =
    "const s=require('node:net').createServer().listen(0,'127.0.0.1',()=>{console.log(s.address().port);s.close()})";
  const { stdout } = spawnSync(process.execPath, ["-e", code], { encoding: "utf8" });
  return Number(stdout);
}
