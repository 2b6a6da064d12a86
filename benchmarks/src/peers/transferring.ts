import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { diskUse } from "../disk-use.ts";
import { type Contender, giveSpaceBack } from "../measure.ts";
import { findProgram, shell } from "../programs.ts";
import { sameFiles } from "../pull.ts";
import type { Round } from "../question.ts";
import { RegistryServer } from "../registry-server.ts";
import { throughFolder } from "./ours.ts";
import type { Peer, Remote, Transfer } from "./peer.ts";
import type { Race } from "./peers.ts";
import { onDisk, restored, row } from "./storing.ts";
import { works } from "./works.ts";

/** A peer with the place that it sends to. */
interface Sender {
  readonly peer: Peer;
  readonly transfer: Transfer;
  /** What lies there: all that the first run sent. */
  readonly data: string;
  /** A folder of this run alone, with the place in it. */
  place(run: number): string;
  remote(run: number): Remote;
}

/** To a place that other machines reach, and from there. Every run has an empty one: what is there was sent by it. */
export function* transferRounds(race: Race): Iterable<Round> {
  using stack = new DisposableStack();
  const senders = race.peers.flatMap((peer): Sender[] => {
    // Who could not store it has nothing to send.
    if (!peer.transfer || !existsSync(race.home(peer))) return [];
    const sender = open(peer, peer.transfer, race, stack);
    if (!sender) race.note(`absent: docker-registry or curl; ${peer.name} sends nothing`);
    return sender ? [sender] : [];
  });
  race.note(
    "not sent: `borg`, which copies no repository but to a borg at the other end, `casync`, which reads from afar and leaves " +
      "the sending to others, `cacache`, which knows no other machine; `git-lfs` sends hard links to a folder of the same disk",
  );
  const sent = senders.filter((sender) => works(race, send(race, sender)));
  yield sending(race, sent);
  race.note(
    "not fetched: all that is not sent, `git-lfs`, to which a folder of the same disk gives hard links, and `skopeo`, which " +
      "moves a pack and unpacks nothing; no peer syncs what it fetches, `ctxpack` syncs every blob that it writes to its store",
  );
  const [round, leaves] = fetching(race, sent);
  yield round;
  for (const path of leaves) giveSpaceBack(path, 1);
}

function open(
  peer: Peer,
  transfer: Transfer,
  race: Race,
  stack: DisposableStack,
): Sender | undefined {
  const dir = join(race.scratch, "places", String(race.peers.indexOf(peer)));
  const place = (run: number): string => join(dir, String(run));
  if (transfer.wants === "folder") {
    const remote = (run: number): Remote => ({ host: "", name: place(run) });
    return { peer, transfer, data: place(0), place, remote };
  }
  if (!findProgram("docker-registry") || !findProgram("curl")) return undefined;
  const servers = new Map<number, RegistryServer>();
  // Each with a port of its own: skopeo remembers by that what a registry holds, and would send nothing.
  const remote = (run: number): Remote => {
    let server = servers.get(run);
    if (!server) {
      // Only the first run's is asked again, by those that fetch.
      for (const [other, before] of servers) if (other !== 0) before[Symbol.dispose]();
      server = stack.use(new RegistryServer({ dir: place(run), address: "127.0.0.1" }));
      servers.set(run, server);
    }
    return { host: server.host, name: "peers/pack" };
  };
  const data = join(place(0), "data/docker/registry/v2/blobs");
  return { peer, transfer, data, place, remote };
}

function send(race: Race, { peer, transfer, place, remote }: Sender): Contender {
  const isFolder = transfer.wants === "folder";
  return {
    ...row(peer.name, `to a ${transfer.wants}; ${peer.setup}`),
    ...(isFolder && { against: throughFolder.name }),
    prepare: (run) => {
      if (isFolder) mkdirSync(place(run), { recursive: true });
      // A registry that starts does so now.
      const to = remote(run);
      transfer.prepare?.(race.home(peer), to);
    },
    argv: (run) => shell(transfer.push(race.home(peer), remote(run))),
    leaves: (run) => [place(run)],
  };
}

function sending(race: Race, senders: readonly Sender[]): Round {
  const { first } = race;
  return {
    title: `Send ${first.title}, stored before, to a registry or a folder`,
    bytes: first.bytes,
    contenders: senders.map((sender) => send(race, sender)),
    details: () => ({
      head: ["", "to", "bytes there"],
      rows: senders.map(({ peer, transfer, data }) => [
        peer.name,
        `a ${transfer.wants}`,
        diskUse(data).content.toLocaleString("en"),
      ]),
    }),
    figures: () =>
      senders.map(({ peer, data }) => onDisk(peer.name, "sent", diskUse(data).content)),
  };
}

function fetching(race: Race, senders: readonly Sender[]): readonly [Round, readonly string[]] {
  const { first } = race;
  const to = ({ peer }: Sender, run: number): string =>
    join(race.scratch, "fetched", `${race.peers.indexOf(peer)}-${run}`);
  const contender = (sender: Sender): Contender => {
    const { peer, transfer, remote } = sender;
    return {
      ...row(peer.name, `from a ${transfer.wants}; ${peer.setup}`),
      ...(transfer.wants === "folder" && { against: throughFolder.name }),
      prepare: (run) => {
        mkdirSync(to(sender, run), { recursive: true });
        transfer.preparePull?.(remote(0), to(sender, run), race.home(peer));
      },
      argv: (run) => shell(transfer.pull?.(remote(0), to(sender, run), race.home(peer)) ?? "false"),
      leaves: (run) => [to(sender, run), `${to(sender, run)}-store`],
    };
  };
  const check = (sender: Sender, run: number): void =>
    sameFiles(first.dir, restored(to(sender, run)));
  const fetchers = senders
    .filter(({ transfer }) => transfer.pull)
    .filter((sender) => works(race, contender(sender), (run) => check(sender, run)));
  const round: Round = {
    title: `Fetch ${first.title} into an empty folder`,
    bytes: first.bytes,
    contenders: fetchers.map(contender),
    check: () => {
      for (const sender of fetchers) check(sender, 0);
    },
  };
  return [round, fetchers.flatMap((one) => [to(one, 0), `${to(one, 0)}-store`])];
}
