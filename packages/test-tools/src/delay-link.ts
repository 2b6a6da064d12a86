import type { Socket } from "node:net";
import { type Direction, type Relay, startRelay, type Target } from "./relay.ts";

export interface DelayLinkOptions {
  /** Every byte waits half of this, in milliseconds, in each direction. */
  readonly roundTripMs: number;
  /** Bytes on the way in one direction of a connection at most; 64 MiB if not set. */
  readonly maxHeld?: number | undefined;
}

/**
 * A relay to `target` that is as far away as told, and limits nothing else: what comes in is read at once and goes
 * on half a round trip later, ends of streams too. Only the connection's own handshake is not delayed: it is the
 * kernel's.
 */
export async function startDelayLink(target: Target, options: DelayLinkOptions): Promise<Relay> {
  const { roundTripMs, maxHeld = 64 * 2 ** 20 } = options;
  return await startRelay(target, ({ client, server }, count) => {
    const delay = { ms: roundTripMs / 2, maxHeld };
    holdBack(client, server, "up", delay, count);
    holdBack(server, client, "down", delay, count);
  });
}

function holdBack(
  from: Socket,
  to: Socket,
  direction: Direction,
  { ms, maxHeld }: { readonly ms: number; readonly maxHeld: number },
  count: (direction: Direction, bytes: number) => void,
): void {
  // `undefined` is the end of the stream.
  const queue: { readonly due: number; readonly bytes: Buffer | undefined }[] = [];
  let held = 0;
  let timer: NodeJS.Timeout | undefined;
  const resume = (): void => {
    if (held < maxHeld && from.isPaused()) from.resume();
  };
  const send = (): void => {
    timer = undefined;
    const now = performance.now();
    let sent = 0;
    for (const { due, bytes } of queue) {
      if (due > now) break;
      sent++;
      if (bytes === undefined) to.end();
      else {
        // Held until the kernel has it: a receiver that does not read stops the sender in the end.
        to.write(bytes, () => {
          held -= bytes.length;
          resume();
        });
      }
    }
    queue.splice(0, sent);
    schedule();
  };
  const schedule = (): void => {
    const [next] = queue;
    if (next === undefined || timer !== undefined) return;
    timer = setTimeout(send, Math.max(0, next.due - performance.now()));
  };
  from.on("data", (bytes: Buffer) => {
    count(direction, bytes.length);
    held += bytes.length;
    queue.push({ due: performance.now() + ms, bytes });
    if (held >= maxHeld) from.pause();
    schedule();
  });
  from.once("end", () => {
    queue.push({ due: performance.now() + ms, bytes: undefined });
    schedule();
  });
  to.once("close", () => {
    clearTimeout(timer);
    queue.length = 0;
  });
}
