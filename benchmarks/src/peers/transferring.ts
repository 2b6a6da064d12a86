import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { diskUse } from "../disk-use.ts";
import { giveSpaceBack } from "../measure.ts";
import { findProgram, shell } from "../programs.ts";
import { sameFiles } from "../pull.ts";
import type { Bench, Round } from "../question.ts";
import { RegistryServer } from "../registry-server.ts";
import type { Peer, Remote, Transfer } from "./peer.ts";
import type { Race } from "./peers.ts";
import { onDisk, restored, row } from "./storing.ts";

/** A peer with the place that it sends to. */
interface Sender {
  readonly peer: Peer;
  readonly transfer: Transfer;
  /** What lies there: all that was sent, as every run sends the same. */
  readonly data: string;
  remote(run: number): Remote;
}

/** To a place that other machines reach, and from there. A registry of its own for each peer: what it holds is what was sent. */
export function* transferRounds(bench: Bench, race: Race): Iterable<Round> {
  using stack = new DisposableStack();
  const senders = race.peers.flatMap((peer): Sender[] => {
    if (!peer.transfer) return [];
    const sender = open(peer, race, stack);
    if (!sender) bench.note(`absent: docker-registry or curl; ${peer.name} sends nothing`);
    return sender ? [sender] : [];
  });
  yield sending(race, senders);
  const [round, leaves] = fetching(race, senders);
  yield round;
  for (const path of leaves) giveSpaceBack(path, 1);
}

function open(peer: Peer, race: Race, stack: DisposableStack): Sender | undefined {
  const { transfer } = peer;
  if (!transfer) return undefined;
  const dir = join(race.scratch, "places", String(race.peers.indexOf(peer)));
  if (transfer.wants === "folder") {
    // Each run its own folder; the first one is counted.
    const name = (run: number): string => join(dir, String(run));
    return { peer, transfer, data: name(0), remote: (run) => ({ host: "", name: name(run) }) };
  }
  if (!findProgram("docker-registry") || !findProgram("curl")) return undefined;
  const server = stack.use(new RegistryServer({ dir, address: "127.0.0.1" }));
  return {
    peer,
    transfer,
    data: join(dir, "data/docker/registry/v2/blobs"),
    remote: (run) => ({ host: server.host, name: `peers/run-${run}` }),
  };
}

function sending(race: Race, senders: readonly Sender[]): Round {
  const { first } = race;
  return {
    title: `Send ${first.title}, stored before, to a registry or a folder`,
    bytes: first.bytes,
    contenders: senders.map(({ peer, transfer, remote }) => ({
      ...row(peer.name, `to a ${transfer.wants}; ${peer.setup}`),
      prepare: (run) => {
        if (transfer.wants === "folder") mkdirSync(remote(run).name, { recursive: true });
        transfer.prepare?.(race.home(peer), remote(run));
      },
      argv: (run) => shell(transfer.push(race.home(peer), remote(run))),
      ...(transfer.wants === "folder" && { leaves: (run: number) => [remote(run).name] }),
    })),
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
  const to = ({ peer }: Sender, run: number): string => `${race.home(peer)}-fetched-${run}`;
  const fetchers = senders.filter(({ transfer }) => transfer.pull);
  const round: Round = {
    title: `Fetch ${first.title} into an empty folder`,
    bytes: first.bytes,
    contenders: fetchers.map((sender) => {
      const { peer, transfer, remote } = sender;
      return {
        ...row(peer.name, `from a ${transfer.wants}; ${peer.setup}`),
        prepare: (run) => void mkdirSync(to(sender, run)),
        argv: (run) =>
          shell(transfer.pull?.(remote(0), to(sender, run), race.home(peer)) ?? "false"),
        leaves: (run) => [to(sender, run), `${to(sender, run)}-store`],
      };
    }),
    check: () => {
      for (const sender of fetchers) sameFiles(first.dir, restored(to(sender, 0)));
    },
  };
  return [round, fetchers.flatMap((one) => [to(one, 0), `${to(one, 0)}-store`])];
}
