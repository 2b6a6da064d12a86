import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { sha256 } from "@ctxpack/identity";
import { expect, it, onTestFinished } from "vitest";
import { compressFrame } from "../../src/pack/index.ts";
import { Blobs, type StoredBlob } from "../../src/store/blobs.ts";
import { Places } from "../../src/store/places.ts";
import { putFrame } from "../../src/store/put-frame.ts";
import { FrameThreads, ThreadLost } from "../../src/store/threads/frame-threads.ts";
import { workplace } from "./fixture.ts";

const MIB = 2 ** 20;
/** What segments and frames may take together with one thread. */
const ROOM = 144 * MIB;
const SEGMENT = 8 * MIB;

/** One thread, ready to work, the segments that were offered, and a store for the caller's own frames. */
async function ready() {
  const dir = workplace();
  const places = new Places(dir);
  mkdirSync(dirname(places.blob(sha256(Buffer.alloc(0)))), { recursive: true });
  const threads = new FrameThreads({ count: 1, store: dir, prefix: join(dir, "t") });
  onTestFinished(() => threads.end());
  let count = 0;
  const blobs = new Blobs(places, { path: () => join(dir, `own${++count}`) });
  const offered: Promise<StoredBlob>[] = [];
  const contents: Buffer[] = [];
  const offer = (): boolean => {
    const content = Buffer.alloc(SEGMENT, `segment ${contents.length}, `);
    const raw = threads.take(SEGMENT).subarray(0, SEGMENT);
    raw.set(content);
    const made = threads.offer(raw);
    if (made === undefined) return false;
    made.catch(() => {});
    offered.push(made);
    contents.push(content);
    return true;
  };
  while (!offer()) await turn();
  return { threads, blobs, offer, offered, contents };
}

it("segments wait for a thread, the oldest goes first, and the caller takes the newest", async () => {
  const { threads, blobs, offer, offered, contents } = await ready();
  // Nothing is heard of the thread until this one turns: two are its own, as many wait as there are buffers for.
  while (offer());
  expect(threads.waiting).toBe(8);
  expect(offered).toHaveLength(10);
  while (threads.waiting > 6) await turn();
  let relieved: Buffer | undefined;
  const isRelieved = threads.relieve((raw) => {
    relieved = Buffer.from(raw);
    return putFrame(blobs, raw);
  });
  expect(isRelieved).toBe(true);
  expect(relieved?.equals(contents.at(-1) as Buffer)).toBe(true);
  const made = await Promise.all(offered);
  for (const [i, blob] of made.entries()) {
    const frame = compressFrame(contents[i] as Buffer);
    expect(readFileSync(blobs.path(blob.digest)).equals(frame), `segment ${i}`).toBe(true);
  }
  expect(threads.relieve(() => expect.fail("nothing waits"))).toBe(false);
  // All of the memory: nothing is counted any more.
  await threads.until(ROOM);
});

it("of little content a quarter waits at most", async () => {
  const { threads, offer, offered } = await ready();
  threads.expect(4 * 8 * SEGMENT);
  while (offer());
  // Eight buffers: the one that is cut into, two that the thread has, and what waits.
  expect(threads.waiting).toBe(5);
  await Promise.all(offered);
});

it("what waits is lost when it is given up, and what a thread has is not", async () => {
  const { threads, offer, offered } = await ready();
  while (offer());
  threads.giveUp();
  expect(threads.waiting).toBe(0);
  const ends = await Promise.allSettled(offered);
  expect(ends.map(({ status }) => status)).toEqual([
    "fulfilled",
    "fulfilled",
    ...Array.from({ length: 8 }, () => "rejected"),
  ]);
  for (const end of ends.slice(2))
    expect((end as PromiseRejectedResult).reason).toBeInstanceOf(ThreadLost);
  await threads.until(ROOM);
  await threads.end();
  expect(offer()).toBe(false);
});
