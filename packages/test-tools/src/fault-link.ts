import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { seeded } from "./random.ts";
import { type Direction, type Pair, type Relay, startRelay, type Target } from "./relay.ts";
import { reset } from "./reset.ts";

/**
 * What may happen to a piece of bytes (what one read returns, at most 64 KiB):
 * - `drop`: both sides are closed without these bytes; `reset`: the same, with a TCP RST;
 * - `truncate`: half of it goes on, then both sides end in order;
 * - `corrupt`: one bit is flipped; `repeat`: up to 16 of its bytes are sent twice;
 * - `delay`: it waits for up to `delayMs`.
 */
export type LinkFault = "drop" | "reset" | "truncate" | "corrupt" | "repeat" | "delay";

export interface FaultLinkOptions {
  /** Decides what happens, with the pieces that TCP makes of the bytes. */
  readonly seed: number;
  /** Probabilities per piece; 0 if not set. */
  readonly rates?: Partial<Record<LinkFault, number>> | undefined;
  /** Where they happen: corrupt and repeat on the way down only, all others both ways, if not set. */
  readonly directions?: Partial<Record<LinkFault, readonly Direction[]>> | undefined;
  /** The longest delay in milliseconds; 50 if not set. */
  readonly delayMs?: number | undefined;
}

export interface FaultLink extends Relay {
  /** Probabilities; may be changed while it runs. */
  readonly rates: Record<LinkFault, number>;
  /** How often each fault happened. */
  readonly faults: Readonly<Record<LinkFault, number>>;
}

const KINDS: readonly LinkFault[] = ["drop", "reset", "truncate", "corrupt", "repeat", "delay"];

/** A relay to `target` that breaks connections and bytes at random, with a seeded generator. */
export async function startFaultLink(
  target: Target,
  options: FaultLinkOptions,
): Promise<FaultLink> {
  const { delayMs = 50, directions = {} } = options;
  const random = seeded(options.seed);
  const none = { drop: 0, reset: 0, truncate: 0, corrupt: 0, repeat: 0, delay: 0 };
  const rates: Record<LinkFault, number> = { ...none, ...options.rates };
  const faults: Record<LinkFault, number> = { ...none };
  const both: readonly Direction[] = ["up", "down"];
  const applies = (kind: LinkFault, direction: Direction): boolean => {
    const usual = kind === "corrupt" || kind === "repeat" ? (["down"] as const) : both;
    return (directions[kind] ?? usual).includes(direction);
  };
  /** At most one fault a piece. */
  const choose = (direction: Direction): LinkFault | undefined => {
    for (const kind of KINDS) {
      const hit = random() < rates[kind];
      if (hit && applies(kind, direction)) {
        faults[kind]++;
        return kind;
      }
    }
    return undefined;
  };

  const carry = async (
    from: Socket,
    to: Socket,
    direction: Direction,
    count: (direction: Direction, bytes: number) => void,
  ): Promise<void> => {
    for await (const piece of from.iterator({ destroyOnReturn: false })) {
      let bytes = piece as Buffer;
      count(direction, bytes.length);
      const fault = choose(direction);
      if (fault === "drop") {
        from.destroy();
        to.destroy();
        return;
      }
      if (fault === "reset") {
        reset(from);
        reset(to);
        return;
      }
      if (fault === "truncate") {
        to.end(bytes.subarray(0, bytes.length >> 1));
        from.destroy();
        return;
      }
      const at = Math.floor(random() * bytes.length);
      if (fault === "corrupt") {
        bytes = Buffer.from(bytes);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      } else if (fault === "repeat") {
        const twice = bytes.subarray(at, at + 16);
        bytes = Buffer.concat([bytes.subarray(0, at), twice, bytes.subarray(at)]);
      } else if (fault === "delay") {
        await sleep(random() * delayMs);
      }
      if (to.destroyed) return;
      if (!to.write(bytes)) await drained(to);
    }
    to.end();
  };

  const relay = await startRelay(target, ({ client, server }: Pair, count) => {
    // A socket that fails is destroyed with its partner; there is nobody to tell.
    carry(client, server, "up", count).catch(() => server.destroy());
    carry(server, client, "down", count).catch(() => client.destroy());
  });
  return Object.defineProperties(
    { rates, faults },
    Object.getOwnPropertyDescriptors(relay),
  ) as FaultLink;
}

async function drained(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("drain", resolve);
  socket.once("close", resolve);
  await promise;
  socket.off("drain", resolve);
  socket.off("close", resolve);
}
