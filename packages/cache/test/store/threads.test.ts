import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { expect, it, onTestFinished, vi } from "vitest";
import type { Store } from "../../src/index.ts";
import { Framer } from "../../src/store/framer.ts";
import { contractOf, folder, noise, openStore, uriFor, workplace } from "./fixture.ts";

/** What threads tell of their work. */
interface Told {
  readonly isRead?: true;
  readonly progress?: object;
}

/** More than what a thread of its own is worth. */
const LARGE = { "a.bin": noise(20_000_000), "b.bin": noise(20_000_000, 2), "c/d": noise(300, 3) };

it("a large folder gives the same pack by the calling thread and without it", async () => {
  const dir = workplace();
  const out = folder(join(dir, "out"), LARGE);
  const free = await openStore(join(dir, "free"));
  const blocking = await openStore(join(dir, "blocking"), { blocking: true });
  const events: string[] = [];
  const made = await free.seed(out, contractOf("t"), {
    name: "n",
    outputs: ["/index"],
    onProgress: ({ phase }) => events.push(phase),
  });
  const expected = await blocking.seed(out, contractOf("t"), { name: "n" });
  expect(made.created).toBe(true);
  expect(made.segments).toEqual(expected.segments);
  expect(made.record.manifest).toEqual(expected.record.manifest);
  expect(made.record).toMatchObject({ name: "n", outputs: ["/index"] });
  expect(new Set(events)).toEqual(new Set(["hash", "blob", "manifest", "publish"]));
  for (const store of [free, blocking]) {
    const tree = await store.tree(uriFor("t"));
    for (const [path, content] of Object.entries(LARGE)) {
      // `toEqual` would print both.
      expect(readFileSync(join(tree, path)).equals(content), path).toBe(true);
    }
  }
});

it("what a thread throws is what the calling one would throw", async () => {
  const dir = workplace();
  const out = folder(join(dir, "out"), LARGE);
  const store = await openStore(join(dir, "store"));
  await store.seed(out, contractOf("t"));
  writeFileSync(join(out, "c/d"), noise(300, 4));
  await expect(store.seed(out, contractOf("t"))).rejects.toMatchObject({
    code: "CTXPACK_E_CONFLICT",
    hint: expect.stringContaining("the contract leaves something out"),
    details: { uri: uriFor("t"), paths: ["c/d"] },
  });
});

it("an abort reaches a thread, with its reason, and leaves nothing behind", async () => {
  const dir = workplace();
  const out = folder(join(dir, "out"), LARGE);
  const store = await openStore(join(dir, "store"));
  const stop = new AbortController();
  const reason = new Error("enough");
  const seeding = store.seed(out, contractOf("t"), {
    signal: stop.signal,
    onProgress: () => stop.abort(reason),
  });
  await expect(seeding).rejects.toBe(reason);
  expect(await store.get(uriFor("t"))).toBeUndefined();
  const left = readdirSync(join(dir, "store", "tmp")).flatMap((name) =>
    readdirSync(join(dir, "store", "tmp", name)),
  );
  expect(left).toEqual([]);
});

it.each([
  ["compresses", true, ({ isRead }: Told) => isRead === true],
  ["makes the pack", false, ({ progress }: Told) => progress !== undefined],
])("the pack is made without the thread that %s when it dies", async (_, blocking, isAtWork) => {
  const dir = workplace();
  const out = folder(join(dir, "out"), LARGE);
  let lost = 0;
  const watch = (worker: Worker): void => {
    worker.on("message", (told: Told) => {
      if (!isAtWork(told)) return;
      if (lost === 0) void worker.terminate();
      lost += 1;
    });
  };
  process.on("worker", watch);
  onTestFinished(() => {
    process.off("worker", watch);
  });
  const store = await openStore(join(dir, "store"), { blocking });
  const made = await store.seed(out, contractOf("t"), {
    onProgress({ phase }) {
      // A calling thread that is quick is done before another has started.
      if (lost === 0 && phase === "blob")
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    },
  });
  expect(made.created).toBe(true);
  // One that has no thread to help it has lost none.
  if (!blocking || availableParallelism() > 1) expect(lost).toBeGreaterThan(0);
  process.off("worker", watch);
  const whole = await openStore(join(dir, "whole"), { blocking: true });
  expect(made.record.manifest).toEqual((await whole.seed(out, contractOf("t"))).record.manifest);
  expect(await store.check({ deep: true })).toMatchObject({ clean: true });
});

it("a thread that dies with the last segments is noticed before the listing is given up", async () => {
  const dir = workplace();
  const out = folder(join(dir, "out"), LARGE);
  const workers: Worker[] = [];
  let held = 0;
  const watch = (worker: Worker): void => {
    workers.push(worker);
    const post = worker.postMessage.bind(worker);
    // It never hears of its segments: they are still under way when the last one has been handed over.
    worker.postMessage = (job: { id?: number }, transfer) => {
      if (job.id === undefined) post(job, transfer);
      else held += 1;
    };
  };
  process.on("worker", watch);
  const settle = Framer.prototype.settle;
  const dying = vi.spyOn(Framer.prototype, "settle").mockImplementation(async function (
    this: Framer,
  ) {
    for (const worker of workers.splice(0)) void worker.terminate();
    await settle.call(this);
  });
  onTestFinished(() => {
    process.off("worker", watch);
    dying.mockRestore();
  });
  const store = await openStore(join(dir, "store"), { blocking: true });
  const made = await store.seed(out, contractOf("t"), {
    onProgress({ phase }) {
      // Until a thread has started, and has got something to do.
      if (held === 0 && phase === "blob")
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    },
  });
  if (availableParallelism() > 1) expect(held).toBeGreaterThan(0);
  process.off("worker", watch);
  dying.mockRestore();
  expect(made.record).toMatchObject({ files: 3, bytes: 40_000_300 });
  const whole = await openStore(join(dir, "whole"), { blocking: true });
  expect(made.record.manifest).toEqual((await whole.seed(out, contractOf("t"))).record.manifest);
  expect(await store.check({ deep: true })).toMatchObject({ clean: true });
});

it("blobs that vanish under a thread are missed in the calling one", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  await store.seed(folder(join(dir, "out"), LARGE), contractOf("t"));
  const blobs = join(dir, "store", "blobs", "sha256");
  const { bytes } = await store.manifest(uriFor("t"));
  const { layers } = JSON.parse(Buffer.from(bytes).toString()) as { layers: { digest: string }[] };
  rmSync(join(blobs, (layers.at(-1)?.digest ?? "").slice(7)));
  await expect(store.tree(uriFor("t"))).rejects.toMatchObject({
    code: "CTXPACK_E_STORE_DAMAGED",
  });
});

it.each([
  ["tree", (store: Store) => store.tree(uriFor("t"))],
  ["extract", (store: Store) => store.extract(uriFor("t"), join(store.dir, "../to"))],
] as const)(
  "%s: threads that were started for a pack whose index is damaged have ended when that is said",
  async (_, work) => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    await store.seed(folder(join(dir, "out"), LARGE), contractOf("t"));
    const { bytes } = await store.manifest(uriFor("t"));
    const { layers } = JSON.parse(Buffer.from(bytes).toString()) as {
      layers: { digest: string }[];
    };
    const index = join(dir, "store", "blobs", "sha256", (layers[0]?.digest ?? "").slice(7));
    chmodSync(index, 0o644);
    writeFileSync(index, readFileSync(index).reverse());
    const started: Worker[] = [];
    const watch = (worker: Worker): void => void started.push(worker);
    process.on("worker", watch);
    onTestFinished(() => {
      process.off("worker", watch);
    });
    await expect(work(store)).rejects.toMatchObject({ code: "CTXPACK_E_DIGEST_MISMATCH" });
    expect(started.length).toBeGreaterThan(0);
    // A thread that has ended has this number.
    expect(started.map(({ threadId }) => threadId)).toEqual(started.map(() => -1));
  },
);

it.each(["ctxpack-store-worker.js", "ctxpack-seed-worker.js"])(
  "the bundle has a %s that starts",
  async (name) => {
    const file = new URL(`../../dist/${name}`, import.meta.url);
    // Without it every large pack would silently be made by one thread.
    expect(existsSync(file), "run the build first").toBe(true);
    const data = { store: "/nowhere", dir: "/nowhere", contract: new Uint8Array(0), prefix: "/x" };
    const worker = new Worker(file, { workerData: { role: "frames", data } });
    const errors: unknown[] = [];
    worker.on("error", (error) => errors.push(error));
    const answers: unknown[] = [];
    worker.on("message", (answer) => answers.push(answer));
    worker.postMessage({ id: 1, slot: new SharedArrayBuffer(8), length: 8 });
    await vi.waitFor(() => expect(answers.length + errors.length).toBeGreaterThan(0), 30_000);
    await worker.terminate();
    expect(errors).toEqual([]);
  },
);
