// What a library user's server notices: it answers requests on loopback while its own process seeds a pack and hands it out.
//
//   node benchmarks/src/library.ts [--dir FOLDER] [--smoke]
//
// For each way of opening a store: seconds of the work, the longest and the 99th percentile delay of the event loop, and
// what the requests took meanwhile.

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Store } from "@ctxpack/cache";
import { sha256, uriOf } from "@ctxpack/identity";
import { mixed } from "./corpus.ts";

const CONTRACT = Buffer.from(
  '{"inputs":[],"schema":"ctxpack.contract/v1","transforms":[{"tool":"library"}]}',
);

interface Felt {
  readonly seconds: number;
  /** Milliseconds. */
  readonly loop: { readonly most: number; readonly p99: number };
  readonly requests: readonly number[];
}

async function main(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: { dir: { type: "string" }, smoke: { type: "boolean", default: false } },
  });
  const root = mkdtempSync(join(tmpdir(), "ctxpack-library-"));
  const server = createServer((_, response) => void response.end("ok")).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const dir = values.dir ?? mixed(join(root, "corpus"), values.smoke ? "smoke" : "full").dir;
    console.log(
      "| store | work | s | loop, longest ms | loop, p99 ms | requests | median ms | longest ms |",
    );
    console.log("|---|---|---:|---:|---:|---:|---:|---:|");
    for (const blocking of [false, true]) {
      const name = blocking ? "`blocking`" : "as it comes";
      await using store = await Store.open(join(root, name.replaceAll(/\W/g, "")), { blocking });
      row(name, "seed", await feel(server, () => store.seed(dir, CONTRACT)));
      row(name, "tree", await feel(server, () => store.tree(uriOf(sha256(CONTRACT)))));
    }
  } finally {
    server.close();
    // A store's folders are read-only for everybody but root.
    rmSync(root, { recursive: true, force: true });
  }
}

/** Does the work while requests come, one after another with 5 ms between them. */
async function feel(server: Server, work: () => Promise<unknown>): Promise<Felt> {
  const { port } = server.address() as AddressInfo;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const requests: number[] = [];
  let isWorking = true;
  const asking = (async () => {
    while (isWorking) {
      requests.push(await timeOf(port));
      await pause(5);
    }
  })();
  delay.enable();
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  isWorking = false;
  delay.disable();
  await asking;
  return { seconds, loop: { most: delay.max / 1e6, p99: delay.percentile(99) / 1e6 }, requests };
}

function timeOf(port: number): Promise<number> {
  const started = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const request = get({ host: "127.0.0.1", port, agent: false }, (response) => {
    response.resume();
    response.on("end", () => resolve(performance.now() - started));
  });
  request.on("error", reject);
  return promise;
}

function row(store: string, work: string, { seconds, loop, requests }: Felt): void {
  const sorted = requests.toSorted((a, b) => a - b);
  const cells = [
    store,
    work,
    seconds.toFixed(2),
    loop.most.toFixed(0),
    loop.p99.toFixed(1),
    sorted.length,
    (sorted[sorted.length >> 1] ?? 0).toFixed(1),
    (sorted.at(-1) ?? 0).toFixed(0),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

await main(process.argv.slice(2));
