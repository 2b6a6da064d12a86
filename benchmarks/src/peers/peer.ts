import { findProgram } from "../programs.ts";
import type { Bench } from "../question.ts";

/** What a user may keep a folder with. Every command is a script for `bash`, so that the shell costs everybody the same. */
export interface Peer {
  readonly name: string;
  /** Programs without which it is left out. */
  readonly programs: readonly string[];
  /** How it is configured: what it compresses, cuts and syncs. */
  readonly setup: string;
  /** The name of the peer whose home it moves, where it keeps nothing itself. */
  readonly of?: string;
  /** Its own way to a digest of a folder, as one command of its own; `home` is there and empty. */
  hash?(folder: string, home: string): string;
  /** What it keeps in `home`, a folder of this peer alone that may be copied elsewhere. */
  at?(home: string): PeerStore;
  /** To and from a place of others: a registry if `wants` says so, else a folder. */
  readonly transfer?: Transfer;
}

/** A place that a peer keeps folders in. */
export interface PeerStore {
  /** Whose bytes are counted. */
  readonly dir: string;
  /** What must be there before the clock starts. */
  init?(folder: string): void;
  /** Before the clock of the second version, if the folder that it keeps is not the one that is given: edits its own in place. */
  update?(edit: (folder: string) => void): void;
  /** Stores a folder, on the disk when it ends. */
  store(folder: string, version: Version): string;
  /** The first version into a folder that is there and empty. */
  restore(to: string): string;
  /** Before the clock of a restore: what the empty folder needs. */
  prepareRestore?(to: string): void;
}

type Version = "first" | "second";

/** A place that several machines reach. */
export interface Remote {
  /** `host:port` of a registry of this peer alone; of a folder "". */
  readonly host: string;
  /** Of this run: a repository of the registry, or an empty folder. */
  readonly name: string;
}

export interface Transfer {
  readonly wants: "registry" | "folder";
  /** Sends the first version of what lies in `home`. */
  push(home: string, remote: Remote): string;
  /** Before the clock of a push: what an empty place needs. */
  prepare?(home: string, remote: Remote): void;
  /** Before the clock of a pull: what the empty folder needs. */
  preparePull?(remote: Remote, to: string, home: string): void;
  /** Gets the first version into the empty folder `to`: all that it may know beside the place is in `home`, its name. */
  pull?(remote: Remote, to: string, home: string): string;
}

/** Peers whose programs are here; a line tells of each other one. */
export function present(bench: Pick<Bench, "note">, peers: readonly Peer[]): Peer[] {
  return peers.filter(({ name, programs }) => {
    const missing = programs.filter((program) => !findProgram(program));
    if (missing.length > 0) bench.note(`absent: ${missing.join(", ")}; ${name} is left out`);
    return missing.length === 0;
  });
}
