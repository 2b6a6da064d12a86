import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Corpus, scaledMix } from "../corpus.ts";
import { giveSpaceBack } from "../measure.ts";
import type { Bench, Question, Round } from "../question.ts";
import { settle } from "../settle.ts";
import { archives, prototype } from "./archives.ts";
import { backups } from "./backups.ts";
import { copies } from "./copies.ts";
import { hashTree, ours, throughFolder } from "./ours.ts";
import { type Peer, present } from "./peer.ts";
import { registries } from "./registries.ts";
import { firstStore, hashing, restoring, secondStore } from "./storing.ts";
import { transferRounds } from "./transferring.ts";
import { versions } from "./versions.ts";

/** What all rounds work with. */
export interface Race {
  readonly peers: readonly Peer[];
  readonly first: Corpus;
  /** The folder that is stored: a copy of the first version, and after the first round edited in place. */
  readonly work: string;
  readonly scratch: string;
  /** Of a peer: what its first run of the first round left. */
  home(peer: Peer): string;
  note(line: string): void;
}

/** All that a user might take instead, over the same folder in one run. */
export const peers: Question = {
  name: "peers",
  about:
    "hash, store, store an edit of 1 %, restore, send, fetch: every peer that is here, side by side",
  byName: true,
  programs: [
    ...["python3", "tar", "zstd", "gzip", "openssl", "curl", "restic", "borg", "casync", "git"],
    ...["git-lfs", "rclone", "npm", "dvc", "oras", "skopeo", "docker-registry"],
  ],
  whys: {
    "Send ":
      "One archive is one blob, one session and one request; a pack is a hundred and more of them, each of which the registry opens, " +
      "hashes, writes and moves, on the same two cores (`skopeo copy` of the same blobs takes longest), and when the tag was moved ours " +
      "looks again after half a second. Through a folder of the same disk the same pack takes a fifth of that. The next version sends only " +
      "the blobs that are new.",
    "Fetch ":
      "It writes the files once, where they were asked for; ours keeps the pack and its files in the store as well, syncs each blob, and " +
      "checks every segment and every file: the next pull of it, or of the next version, finds them there.",
    tar: "An archive has one digest and no file in it has one: nothing is found again in the next version, and no file comes out alone.",
    rclone:
      "It copies whole files and computes at most one digest of each; nothing is compressed and nothing found again within a file.",
    "git-lfs":
      "It keeps whole files as they are: nothing is compressed, and an edit stores a file again. What it sends to a folder of " +
      "the same disk are hard links: no byte is copied.",
    skopeo:
      "It moves blobs that are there already, with none of the checks of what they hold, from a program that starts in a few milliseconds.",
    dvc: "It keeps whole files as they are: nothing is compressed, and an edit stores a file again.",
  },
  *rounds(bench) {
    const race = prepare(bench);
    yield hashing(race);
    yield firstStore(race);
    yield* tidily(secondStore(race));
    yield* tidily(restoring(race));
    yield* transferRounds(race);
  },
};

function prepare(bench: Bench): Race {
  const { scratch } = bench;
  const first = scaledMix(join(scratch, "first"), bench.scale === "full" ? 0.2 : 0.004);
  const work = join(scratch, "work");
  cpSync(first.dir, work, { recursive: true, preserveTimestamps: true });
  // Stats are believed only then, by all that look at them.
  settle();
  bench.note(
    "`make` keeps nothing, it is raced in `map`; `hf` stores at a Hub only, which no machine has of its own",
  );
  const all = [
    ours,
    hashTree,
    throughFolder,
    prototype,
    ...archives,
    ...backups,
    ...versions,
    ...copies(bench),
    ...registries,
  ];
  const there = present(bench, all);
  mkdirSync(join(scratch, "homes"));
  const home = (peer: Peer): string => {
    const owner = peer.of === undefined ? peer : all.find(({ name }) => name === peer.of);
    return join(scratch, "homes", String(all.indexOf(owner ?? peer)), "0");
  };
  return { peers: there, first, work, scratch, home, note: (line) => bench.note(line) };
}

/** What a round leaves is looked at and then given back: the next one needs the room. */
function* tidily({ round, leaves }: Leaving): Iterable<Round> {
  yield round;
  for (const path of leaves) giveSpaceBack(path, 1);
}

/** A round and what its first runs leave. */
export interface Leaving {
  readonly round: Round;
  readonly leaves: readonly string[];
}
