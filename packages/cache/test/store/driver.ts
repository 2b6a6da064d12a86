import { openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { ProgressEvent } from "@ctxpack/identity";
import { Store } from "../../src/index.ts";
import { Pool } from "../../src/store/pool.ts";
import { acceptAll } from "./accept.ts";

/**
 * A process of its own that does one thing with a store, for tests that need several or that kill one:
 *
 *     node --conditions=@ctxpack/source driver.ts <store> <verb> <arguments…> [--kill <phase>:<n>]
 *
 * With `--kill` it ends itself with SIGKILL at the n-th report of that phase. It prints `ready`, does its
 * work, and prints the result or the error as one line of JSON.
 */
const [dir = "", verb = "", ...rest] = process.argv.slice(2);
const at = rest.indexOf("--kill");
const [phase, count] = at < 0 ? [] : (rest[at + 1] ?? "").split(":");
const seen = { count: 0 };
const onProgress = (event: ProgressEvent): void => {
  if (event.phase !== phase) return;
  seen.count += 1;
  if (seen.count === Number(count)) process.kill(process.pid, "SIGKILL");
};

const say = (value: unknown): void => void writeSync(1, `${JSON.stringify(value ?? null)}\n`);

try {
  say("ready");
  await using store = await Store.open(dir);
  say(await act(store));
} catch (error) {
  const { code, message, details } = error as Error & { code?: string; details?: unknown };
  say({ code, message, details });
  process.exitCode = 1;
}

async function act(store: Store): Promise<unknown> {
  const [first = "", second = ""] = rest;
  if (verb === "seed") {
    const { created, record } = await store.seed(first, Buffer.from(second), { onProgress });
    return { created, manifest: record.manifest.digest, uri: record.uri };
  }
  if (verb === "tree") return store.tree(first as `ctx://sha256:${string}`, { onProgress });
  if (verb === "extract")
    return store.extract(first as `ctx://sha256:${string}`, second, { onProgress });
  if (verb === "admit") {
    const uri = first as `ctx://sha256:${string}`;
    await using source = await Store.open(second, { readOnly: true });
    const { descriptor: manifest, bytes: manifestBytes } = await source.manifest(uri);
    const { created } = await store.admit(uri, {
      source: source.blobs,
      manifest,
      manifestBytes,
      accept: acceptAll,
      origin: "driver",
      onProgress,
    });
    return { created };
  }
  if (verb === "repair") return store.check({ deep: true, repair: true, onProgress });
  if (verb === "check") return store.check({ deep: true });
  if (verb === "sizes") return store.sizes();
  if (verb === "pin") return store.pin(first as `ctx://sha256:${string}`);
  if (verb === "remove") return store.remove(first as `ctx://sha256:${string}`);
  if (verb === "collect") {
    const grace = { handedOutMs: 0, usedMs: 0, unnamedMs: 0, trashMs: -1 };
    const options = { maxBytes: Number(first), grace };
    // No round at all is a dry run.
    let report = await store.collect({ ...options, apply: Number(second) > 0 });
    for (let round = 1; round < Number(second); round++) {
      report = await store.collect({ ...options, apply: true });
    }
    return report;
  }
  if (verb === "share") {
    const content = { digest: second as `sha256:${string}`, size: statSync(first).size };
    for (let round = 0; round < 300; round++) {
      const pool = new Pool(join(dir, "files"), join(dir, "scratch"));
      pool.give(content, first);
      if (round < 299) pool.drop(content);
    }
    return null;
  }
  if (verb === "starve") {
    try {
      for (;;) openSync(dir, "r");
    } catch {
      // Every descriptor is taken.
    }
    return store.pin(first as `ctx://sha256:${string}`);
  }
  if (verb === "read") {
    let size = 0;
    for await (const chunk of store.read(first as `ctx://sha256:${string}`, second))
      size += chunk.length;
    return size;
  }
  throw new RangeError(`no verb ${verb}`);
}
