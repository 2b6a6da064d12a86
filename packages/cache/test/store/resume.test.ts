// What has arrived of a blob is worth keeping; it is never worth believing.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ByteRange, Descriptor, ReadOnlyStorage } from "@ctxpack/oci";
import { beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/index.ts";
import { contractOf, folder, from, look, noise, openStore, uriFor, workplace } from "./fixture.ts";

const sample = { "a.bin": noise(3_000_000, 1), "b.bin": noise(900_000, 7), "c.txt": "c" };

/** A source that notes what it is asked for and gives, and fails where it is told to. */
class Source implements ReadOnlyStorage {
  readonly asked: { readonly digest: string; readonly range: ByteRange | undefined }[] = [];
  sent = 0;
  readonly #from: ReadOnlyStorage;
  readonly #check: (d: Descriptor, at: number) => void | Promise<void>;

  constructor(source: ReadOnlyStorage, check: (d: Descriptor, at: number) => void | Promise<void>) {
    this.#from = source;
    this.#check = check;
  }

  exists(d: Descriptor): Promise<boolean> {
    return this.#from.exists(d);
  }

  async *fetch(d: Descriptor, options: { readonly range?: ByteRange | undefined } = {}) {
    this.asked.push({ digest: d.digest, range: options.range });
    let at = options.range?.offset ?? 0;
    for await (const chunk of this.#from.fetch(d, options)) {
      for (let i = 0; i < chunk.length; i += 10_000) {
        await this.#check(d, at);
        const piece = chunk.subarray(i, i + 10_000);
        at += piece.length;
        this.sent += piece.length;
        yield piece;
      }
    }
  }
}

let dir: string;
let there: Store;
let here: Store;

beforeEach(async () => {
  dir = workplace();
  there = await openStore(join(dir, "there"));
  here = await openStore(join(dir, "here"));
  await there.seed(folder(join(dir, "out"), sample), contractOf("t"));
});

const parts = (): string[] => {
  const place = join(here.dir, "unfinished");
  return existsSync(place) ? readdirSync(place).map((name) => join(place, name)) : [];
};

async function pull(
  check: (d: Descriptor, at: number) => void | Promise<void>,
  signal?: AbortSignal,
) {
  const source = new Source(there.blobs, check);
  const options = await from(there, uriFor("t"), { source, signal, concurrency: 1 });
  const done = await here.admit(uriFor("t"), options).then(
    (result) => result,
    (error: Error) => error,
  );
  return { source, done };
}

async function expectWhole(): Promise<void> {
  const path = await here.tree(uriFor("t"), { verify: true });
  expect(Buffer.compare(readFileSync(join(path, "a.bin")), sample["a.bin"])).toBe(0);
  expect(Object.keys(look(path))).toEqual(["a.bin", "b.bin", "c.txt"]);
  expect(parts()).toEqual([]);
}

describe("a transfer that broke off", () => {
  // Every place is another one: the beginning of a blob, its middle, its last piece.
  it.each([60_000, 70_000, 150_000, 200_000, 300_000])(
    "at byte %i goes on there",
    async (limit) => {
      let cut = false;
      const { source, done } = await pull((_, at) => {
        if (at < limit || cut) return;
        cut = true;
        throw new Error("the line was cut");
      });
      if (!cut) return;
      expect(done).toMatchObject({ message: "the line was cut" });
      const kept = parts().map((path) => statSync(path));
      expect(kept).toHaveLength(limit < 65_536 ? 0 : 1);
      for (const stat of kept) expect(stat.mode & 0o777).toBe(0o600);
      const again = await pull(() => {});
      expect(again.done).toHaveProperty("record");
      const resumed = again.source.asked.filter(({ range }) => (range?.offset ?? 0) > 0);
      expect(resumed.map(({ range }) => range?.offset)).toEqual(kept.map(({ size }) => size));
      // Nothing that was kept is sent again, and only what was sent is counted.
      const whole = (await pull(() => {})).source.sent;
      expect(whole).toBeLessThan(1000);
      const { bytes } = again.done as { bytes: { fetched: number } };
      expect(again.source.sent - bytes.fetched).toBeLessThan(1000);
      expect(source.sent + again.source.sent).toBeLessThan(4_200_000);
      await expectWhole();
    },
  );

  it("is kept when it was aborted, also one that hangs", async () => {
    const controller = new AbortController();
    const reason = new Error("Ctrl-C");
    const { done } = await pull(async (_, at) => {
      if (at < 100_000) return;
      controller.abort(reason);
      // A source that takes no notice of the signal by itself.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }, controller.signal);
    expect(done).toBe(reason);
    expect(parts()).toHaveLength(1);
    expect((await pull(() => {})).done).toHaveProperty("record");
    await expectWhole();
  });

  const cut = (_: Descriptor, at: number): void => {
    if (at >= 100_000) throw new Error("cut");
  };

  it("is not believed: a byte of it that changed costs the blob a second transfer, once", async () => {
    await pull(cut);
    const [part] = parts() as [string];
    const bytes = readFileSync(part);
    bytes[5] = (bytes[5] as number) ^ 1;
    writeFileSync(part, bytes);
    const { source, done } = await pull(() => {});
    expect(done).toHaveProperty("record");
    const digest = `sha256:${part.slice(-64)}`;
    const asked = source.asked.filter((one) => one.digest === digest);
    expect(asked.map(({ range }) => range?.offset ?? 0)).toEqual([bytes.length, 0]);
    await expectWhole();
  });

  it("is not believed: one longer than the blob, or of another blob", async () => {
    await pull(cut);
    const [part] = parts() as [string];
    writeFileSync(part, Buffer.alloc(5_000_000, 1));
    expect((await pull(() => {})).done).toHaveProperty("record");
    await expectWhole();
  });

  it("bytes that are wrong twice are an error, and nothing of them stays", async () => {
    let asked = 0;
    const wrong: ReadOnlyStorage = {
      exists: (d) => there.blobs.exists(d),
      async *fetch(d, options) {
        asked++;
        for await (const chunk of there.blobs.fetch(d, options)) {
          const copy = Buffer.from(chunk);
          if (d.mediaType.includes("segment")) copy[0] = (copy[0] as number) ^ 1;
          yield copy;
        }
      },
    };
    const options = await from(there, uriFor("t"), { source: wrong, concurrency: 1 });
    await expect(here.admit(uriFor("t"), options)).rejects.toMatchObject({
      code: "CTXPACK_E_DIGEST_MISMATCH",
    });
    // Config and index, and the first segment twice.
    expect(asked).toBe(4);
    expect(parts()).toEqual([]);
    expect(await here.get(uriFor("t"))).toBeUndefined();
  });

  it("a whole part that lost its process before it got its name is taken", async () => {
    await pull(cut);
    const [part] = parts() as [string];
    const blob = join(there.dir, "blobs/sha256", part.slice(-64));
    writeFileSync(part, readFileSync(blob));
    chmodSync(part, 0o444);
    const { source, done } = await pull(() => {});
    expect(done).toHaveProperty("record");
    expect(source.asked.some(({ digest }) => digest.endsWith(part.slice(-64)))).toBe(false);
    await expectWhole();
  });
});

it("a killed process leaves what it had to the next one", async () => {
  const { descriptor } = await there.manifest(uriFor("t"));
  const code = `
    import { Store } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
    const there = await Store.open(${JSON.stringify(there.dir)});
    const here = await Store.open(${JSON.stringify(here.dir)});
    const { descriptor, bytes } = await there.manifest(${JSON.stringify(uriFor("t"))});
    const source = {
      exists: (d) => there.blobs.exists(d),
      async *fetch(d, options) {
        for await (const chunk of there.blobs.fetch(d, options)) {
          if (d.size < 150_000) { yield chunk; continue; }
          yield chunk.subarray(0, 100_000);
          process.stdout.write("now");
          await new Promise((resolve) => setTimeout(resolve, 60_000));
        }
      },
    };
    await here.admit(${JSON.stringify(uriFor("t"))}, {
      source, manifest: descriptor, manifestBytes: bytes, accept: async () => {}, origin: "x", concurrency: 1,
    });
  `;
  const child = spawn(
    process.execPath,
    ["--conditions=@ctxpack/source", "--input-type=module", "-e", code],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(descriptor.size).toBeGreaterThan(0);
  const { source, done } = await pull(() => {});
  expect(done).toHaveProperty("record");
  expect(source.asked.map(({ range }) => range?.offset ?? 0)).toContain(100_000);
  await expectWhole();
  expect(readdirSync(join(here.dir, "tmp")).length).toBeLessThan(2);
});

it("unpacks the first files while the last segment is still on its way", async () => {
  const { manifest } = await import("../../src/pack/index.ts").then(
    async ({ parsePackManifest }) => ({
      manifest: parsePackManifest((await there.manifest(uriFor("t"))).bytes),
    }),
  );
  const last = manifest.segments.at(-1)?.digest;
  const { promise, resolve } = Promise.withResolvers<void>();
  let unpacked = false;
  const source = new Source(there.blobs, (d) => (d.digest === last ? promise : undefined));
  const options = await from(there, uriFor("t"), {
    source,
    onProgress: ({ phase, done }) => {
      if (phase !== "unpack" || done === 0) return;
      unpacked = true;
      // Only now may the last one come.
      resolve();
    },
  });
  await here.admit(uriFor("t"), options);
  expect(unpacked).toBe(true);
  await expectWhole();
});
