import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeCommand } from "../programs.ts";
import { RegistryServer, waitFor } from "../registry-server.ts";

/** How good a link is. */
export interface LinkSpeed {
  /** Of each direction, in Mbit/s. */
  readonly rateMbit: number;
  readonly roundTripMs: number;
}

/** Of this process, so that no two have the same name. */
let links = 0;

const SERVER = "10.213.77.1";
const CLIENT = "10.213.77.2";

/**
 * Two network namespaces of ours with a link in between: `tbf` limits the rate of each direction, a relay at the
 * client's end holds every byte back half a round trip and limits nothing (this kernel has no netem). A registry
 * runs at the far end. Disposing it takes everything away.
 */
export class ShapedLink implements Disposable {
  /** What is written before a command that runs at the near end. */
  readonly inside: readonly string[];
  /** host:port of the registry, as the near end sees it: loopback, so that http will do. */
  readonly host: string;
  readonly #names: readonly [string, string];
  readonly #server: RegistryServer;
  readonly #relay: ChildProcess;

  /** @param data the folder of the registry's blobs. */
  constructor(scratch: string, data: string, speed: LinkSpeed) {
    links += 1;
    const id = `${process.pid}${links}`.slice(-8);
    const names = [`cps${id}`, `cpc${id}`] as const;
    this.#names = names;
    try {
      for (const name of names) ip("netns", "add", name);
      ip(
        "link",
        "add",
        `s${id}`,
        "netns",
        names[0],
        "type",
        "veth",
        "peer",
        "name",
        `c${id}`,
        "netns",
        names[1],
      );
      setUp(names[0], `s${id}`, SERVER, speed);
      setUp(names[1], `c${id}`, CLIENT, speed);
      this.inside = ["ip", "netns", "exec", names[1]];
      const far = ["ip", "netns", "exec", names[0]];
      this.#server = new RegistryServer({
        dir: join(scratch, `server-${id}`),
        data,
        address: SERVER,
        inside: far,
      });
      const file = join(scratch, `relay-${id}`);
      const [address = "", port = ""] = this.#server.host.split(":");
      const script = fileURLToPath(new URL("./delay-relay.ts", import.meta.url));
      const [program = "", ...args] = [
        ...[...this.inside, ...nodeCommand(), script],
        ...[address, port, String(speed.roundTripMs), file],
      ];
      this.#relay = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
      for (let i = 0; i < 100 && !existsSync(file); i++) spawnSync("sleep", ["0.1"]);
      this.host = `127.0.0.1:${readFileSync(file, "utf8")}`;
      waitFor(`http://${this.host}/v2/`, this.inside);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#relay?.kill("SIGKILL");
    this.#server?.[Symbol.dispose]();
    // The link goes with them.
    for (const name of this.#names) spawnSync("ip", ["netns", "del", name]);
  }
}

/** Whether namespaces and rates can be had here: a program, and root. */
export function canShape(): boolean {
  const name = `cpt${process.pid}`;
  if (spawnSync("ip", ["netns", "add", name]).status !== 0) return false;
  spawnSync("ip", ["netns", "del", name]);
  return spawnSync("tc", ["-V"]).status === 0;
}

function setUp(name: string, device: string, address: string, { rateMbit }: LinkSpeed): void {
  ip("-n", name, "link", "set", "lo", "up");
  ip("-n", name, "addr", "add", `${address}/24`, "dev", device);
  ip("-n", name, "link", "set", device, "up");
  const burst = Math.max(32_000, rateMbit * 1000);
  run(
    "tc",
    "-n",
    name,
    "qdisc",
    "add",
    "dev",
    device,
    "root",
    "tbf",
    "rate",
    `${rateMbit}mbit`,
    "burst",
    String(burst),
    "latency",
    "50ms",
  );
}

function ip(...args: readonly string[]): void {
  run("ip", ...args);
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error || status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error ?? stderr}`);
}
