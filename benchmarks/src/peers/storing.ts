import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { diskUse } from "../disk-use.ts";
import { applyEditMix } from "../edit-mix.ts";
import type { Contender } from "../measure.ts";
import { runProgram, shell } from "../programs.ts";
import { sameFiles } from "../pull.ts";
import type { Details, Figure, Round } from "../question.ts";
import { settle } from "../settle.ts";
import type { Peer, PeerStore } from "./peer.ts";
import type { Leaving, Race } from "./peers.ts";
import { works } from "./works.ts";

/** A peer that keeps folders. */
type Keeper = Peer & { at(home: string): PeerStore };

/** Each one's own digest of the folder. */
export function hashing(race: Race): Round {
  const { first } = race;
  const home = (peer: Peer, run: number): string =>
    join(race.scratch, "hashes", `${race.peers.indexOf(peer)}-${run}`);
  return {
    title: `Hash ${first.title}`,
    reads: [first.dir],
    bytes: first.bytes,
    contenders: race.peers
      .flatMap((peer): Contender[] => {
        const { name, setup, hash } = peer;
        if (!hash) return [];
        return [
          {
            ...row(name, setup),
            prepare: (run) => void mkdirSync(home(peer, run), { recursive: true }),
            argv: (run) => shell(`${hash(first.dir, home(peer, run))} > /dev/null`),
          },
        ];
      })
      .filter((contender) => works(race, contender)),
  };
}

/** Into nothing; what the first run leaves is what all later rounds begin with. */
export function firstStore(race: Race): Round {
  const { first, work } = race;
  const home = (peer: Peer, run: number): string => join(dirname(race.home(peer)), String(run));
  const contender = (peer: Keeper): Contender => ({
    ...row(peer.name, peer.setup),
    prepare: (run) => {
      mkdirSync(home(peer, run), { recursive: true });
      peer.at(home(peer, run)).init?.(work);
    },
    argv: (run) => shell(peer.at(home(peer, run)).store(work, "first")),
    leaves: (run) => [home(peer, run)],
  });
  const keepers = race.peers.filter(isKeeper).filter((peer) => works(race, contender(peer)));
  return {
    title: `Store ${first.title}`,
    reads: [work],
    bytes: first.bytes,
    contenders: keepers.map(contender),
    details: () => setups(keepers),
    figures: () =>
      keepers.map((peer) => onDisk(peer.name, "on disk", heldBy(peer, race.home(peer)))),
  };
}

/**
 * The same folder after an edit in place, into a copy of what the first run left: who remembers paths, inodes and times
 * may skip what is as it was.
 */
export function secondStore(race: Race): Leaving {
  const { first, work } = race;
  edit(work);
  settle();
  const home = (peer: Peer, run: number): string => `${race.home(peer)}-second-${run}`;
  const contender = (peer: Keeper): Contender => ({
    ...row(peer.name, peer.setup),
    prepare: (run) => {
      runProgram("cp", ["-a", race.home(peer), home(peer, run)]);
      peer.at(home(peer, run)).update?.(edit);
    },
    argv: (run) => shell(peer.at(home(peer, run)).store(work, "second")),
    leaves: (run) => [home(peer, run)],
  });
  const keepers = keepersOf(race).filter((peer) => works(race, contender(peer)));
  const round: Round = {
    title: `Store ${first.title} after an edit of 1 %`,
    reads: [work],
    bytes: first.bytes,
    contenders: keepers.map(contender),
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

/** Rewrites only the files that change. */
function edit(folder: string): void {
  applyEditMix(folder, 1);
}

/** The first version into an empty folder. */
export function restoring(race: Race): Leaving {
  const { first } = race;
  const to = (peer: Peer, run: number): string => `${race.home(peer)}-restored-${run}`;
  const contender = (peer: Keeper): Contender => ({
    ...row(peer.name, peer.setup),
    prepare: (run) => {
      mkdirSync(to(peer, run));
      peer.at(race.home(peer)).prepareRestore?.(to(peer, run));
    },
    argv: (run) => shell(peer.at(race.home(peer)).restore(to(peer, run))),
    leaves: (run) => [to(peer, run)],
  });
  const check = (peer: Peer, run: number): void => sameFiles(first.dir, restored(to(peer, run)));
  const keepers = keepersOf(race).filter((peer) =>
    works(race, contender(peer), (run) => check(peer, run)),
  );
  race.note(
    "no peer syncs what it restores; `ctxpack` syncs every blob that it writes to its store",
  );
  const round: Round = {
    title: `Restore ${first.title}`,
    reads: keepers.map((peer) => peer.at(race.home(peer)).dir),
    bytes: first.bytes,
    contenders: keepers.map(contender),
    check: () => {
      for (const peer of keepers) check(peer, 0);
    },
  };
  return { round, leaves: keepers.map((peer) => to(peer, 0)) };
}

function isKeeper(peer: Peer): peer is Keeper {
  return peer.at !== undefined;
}

/** Those that stored the first version. */
function keepersOf(race: Race): Keeper[] {
  return race.peers.filter(isKeeper).filter((peer) => existsSync(race.home(peer)));
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

/** Blocks, as a piece in a file of its own takes a whole one. */
function heldBy(peer: Keeper, home: string): number {
  return diskUse(peer.at(home).dir).blocks;
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
