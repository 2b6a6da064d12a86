import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { diskUse } from "../disk-use.ts";
import type { Contender } from "../measure.ts";
import { runProgram, shell } from "../programs.ts";
import { sameFiles } from "../pull.ts";
import type { Details, Figure, Round } from "../question.ts";
import type { Peer, PeerStore } from "./peer.ts";
import type { Leaving, Race } from "./peers.ts";

/** A peer that keeps folders. */
type Keeper = Peer & { at(home: string): PeerStore };

/** Each one's own digest of the folder. */
export function hashing({ peers, first }: Race): Round {
  return {
    title: `Hash ${first.title}`,
    reads: [first.dir],
    bytes: first.bytes,
    contenders: peers.flatMap((peer) => {
      const { name, setup, hash } = peer;
      return hash
        ? [{ ...row(name, setup), argv: () => shell(`${hash(first.dir)} > /dev/null`) }]
        : [];
    }),
  };
}

/** Into nothing; what the first run leaves is what all later rounds begin with. */
export function firstStore(race: Race): Round {
  const { first } = race;
  const keepers = keepersOf(race);
  const home = (peer: Peer, run: number): string => join(dirname(race.home(peer)), String(run));
  return {
    title: `Store ${first.title}`,
    reads: [first.dir],
    bytes: first.bytes,
    contenders: keepers.map((peer) => ({
      ...row(peer.name, peer.setup),
      prepare: (run) => {
        mkdirSync(home(peer, run), { recursive: true });
        peer.at(home(peer, run)).init?.(first.dir);
      },
      argv: (run) => shell(peer.at(home(peer, run)).store(first.dir, "first")),
      leaves: (run) => [home(peer, run)],
    })),
    details: () => setups(keepers),
    figures: () =>
      keepers.map((peer) => onDisk(peer.name, "on disk", heldBy(peer, race.home(peer)))),
  };
}

/** The same folder after an edit, into a copy of what the first one left. */
export function secondStore(race: Race): Leaving {
  const { first, second } = race;
  const keepers = keepersOf(race);
  const home = (peer: Peer, run: number): string => `${race.home(peer)}-second-${run}`;
  const round: Round = {
    title: `Store ${first.title} after an edit of 1 %`,
    reads: [second],
    bytes: first.bytes,
    contenders: keepers.map((peer) => ({
      ...row(peer.name, peer.setup),
      prepare: (run) => {
        runProgram("cp", ["-a", race.home(peer), home(peer, run)]);
        peer.at(home(peer, run)).update?.(second);
      },
      argv: (run) => shell(peer.at(home(peer, run)).store(second, "second")),
      leaves: (run) => [home(peer, run)],
    })),
    figures: () =>
      keepers.map((peer) =>
        onDisk(
          peer.name,
          "added on disk",
          heldBy(peer, home(peer, 0)) - heldBy(peer, race.home(peer)),
        ),
      ),
  };
  return { round, leaves: keepers.map((peer) => home(peer, 0)) };
}

/** The first version into an empty folder. */
export function restoring(race: Race): Leaving {
  const { first } = race;
  const keepers = keepersOf(race);
  const to = (peer: Peer, run: number): string => `${race.home(peer)}-restored-${run}`;
  const round: Round = {
    title: `Restore ${first.title}`,
    reads: keepers.map((peer) => peer.at(race.home(peer)).dir),
    bytes: first.bytes,
    contenders: keepers.map((peer) => ({
      ...row(peer.name, peer.setup),
      prepare: (run) => void mkdirSync(to(peer, run)),
      argv: (run) => shell(peer.at(race.home(peer)).restore(to(peer, run))),
      leaves: (run) => [to(peer, run)],
    })),
    check: () => {
      for (const peer of keepers) sameFiles(first.dir, restored(to(peer, 0)));
    },
  };
  return { round, leaves: keepers.map((peer) => to(peer, 0)) };
}

function keepersOf({ peers }: Race): Keeper[] {
  return peers.filter((peer): peer is Keeper => peer.at !== undefined);
}

/** Where the files are: programs that want a new folder are given `files`; dvc's are in `data`. */
export function restored(folder: string): string {
  for (const name of ["files", "data"]) {
    if (existsSync(join(folder, name, "chunks.jsonl"))) return join(folder, name);
  }
  if (!existsSync(join(folder, "chunks.jsonl")))
    throw new Error(`${folder} holds ${readdirSync(folder).join(", ") || "nothing"}`);
  return folder;
}

export function row(name: string, setup: string): Pick<Contender, "name" | "setup"> {
  return { name, setup };
}

function heldBy(peer: Keeper, home: string): number {
  return diskUse(peer.at(home).dir).content;
}

export function onDisk(of: string, what: string, value: number): Figure {
  return { of, what, unit: "bytes", value };
}

/** Printed beside the first table of those it holds for. */
function setups(peers: readonly Peer[]): Details {
  return {
    head: ["", "how it is configured"],
    rows: peers.map(({ name, setup }) => [name, setup]),
  };
}
