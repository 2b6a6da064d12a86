import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { CtxUri } from "@ctxpack/identity";
import { sha256, uriOf } from "@ctxpack/identity";
import { onTestFinished } from "vitest";
import type { AdmitOptions } from "../../src/index.ts";
import { Store, type StoreOptions } from "../../src/index.ts";
import { Blobs } from "../../src/store/blobs.ts";
import { clear } from "../../src/store/clear.ts";
import { Database } from "../../src/store/database.ts";
import type { Parts } from "../../src/store/parts.ts";
import { Places } from "../../src/store/places.ts";
import { Records } from "../../src/store/records.ts";
import { Unfinished } from "../../src/store/unfinished.ts";
import { Workspace } from "../../src/store/workspace.ts";
import { acceptAll } from "./accept.ts";

/** A folder for one test, gone afterwards. */
export function workplace(): string {
  const dir = mkdtempSync(join(tmpdir(), "ctxpack-store-"));
  onTestFinished(() => clear(dir));
  return dir;
}

/** A store for one test, closed afterwards. */
export async function openStore(dir: string, o: StoreOptions = {}): Promise<Store> {
  const store = await Store.open(dir, o);
  onTestFinished(() => store[Symbol.asyncDispose]());
  return store;
}

/** The inside of a store, to be closed by whoever asks for it. */
export function partsOf(dir: string): Parts {
  const places = new Places(dir);
  const unfinished = new Unfinished(places.unfinished);
  const workspace = new Workspace(places.temporary, { readOnly: false, unfinished });
  return {
    places,
    workspace,
    unfinished,
    blobs: new Blobs(places, workspace),
    records: new Records(places, workspace),
    database: new Database(places.database),
    blocking: true,
  };
}

/** The canonical bytes of a resolved contract; another `tool`, another URI. */
export function contractOf(tool: string): Uint8Array {
  return Buffer.from(
    `{"inputs":[],"schema":"ctxpack.contract/v1","transforms":[{"tool":${JSON.stringify(tool)}}]}`,
  );
}

export function uriFor(tool: string): CtxUri {
  return uriOf(sha256(contractOf(tool)));
}

/** A text is a file, `{exec}` an executable one, `{link}` a link, `null` an empty folder. */
export type Sample = Record<
  string,
  string | Uint8Array | { link: string } | { exec: string } | null
>;

/** Writes a sample folder and returns its path. */
export function folder(dir: string, sample: Sample): string {
  mkdirSync(dir, { recursive: true });
  for (const [path, content] of Object.entries(sample)) {
    const full = join(dir, path);
    mkdirSync(dirname(full), { recursive: true });
    if (content === null) mkdirSync(full, { recursive: true });
    else if (typeof content === "string" || content instanceof Uint8Array)
      writeFileSync(full, content);
    else if ("link" in content) symlinkSync(content.link, full);
    else {
      writeFileSync(full, content.exec);
      chmodSync(full, 0o755);
    }
  }
  return dir;
}

/** Everything below a folder, as `folder` takes it. */
export function look(dir: string, prefix = ""): Sample {
  const seen: Sample = {};
  const entries = readdirSync(dir, { withFileTypes: true });
  if (entries.length === 0 && prefix !== "") seen[prefix] = null;
  for (const entry of entries) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    const full = join(dir, entry.name);
    if (entry.isDirectory()) Object.assign(seen, look(full, path));
    else if (entry.isSymbolicLink()) seen[path] = { link: readlinkSync(full) };
    else seen[path] = readFileSync(full, "utf8");
  }
  return seen;
}

/** Bytes that look random, do not compress, and are always the same. */
export function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let x = seed | 1;
  for (let i = 0; i < size; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x;
  }
  return bytes;
}

export const sample: Sample = {
  "a.txt": "hello\n",
  "bin/run": { exec: "#!/bin/sh\n" },
  "docs/ünï.md": "# text\n",
  "docs/latest": { link: "ünï.md" },
  "empty/folder": null,
  "z/zero": "",
};

/** `sample` as `look` sees it: modes do not show. */
export const sampleSeen: Sample = { ...sample, "bin/run": "#!/bin/sh\n" };

/** What `admit` needs to take a pack from another store. */
export async function from(
  store: Store,
  uri: CtxUri,
  more: Partial<AdmitOptions> = {},
): Promise<AdmitOptions> {
  const { descriptor, bytes } = await store.manifest(uri);
  return {
    source: store.blobs,
    manifest: descriptor,
    manifestBytes: bytes,
    accept: acceptAll,
    origin: "oci:./pantry",
    ...more,
  };
}

/** All files of a store by path from its root, for tests of what is left behind. */
export function filesOf(dir: string): string[] {
  return Object.keys(look(dir));
}

/** Open file descriptors of this process, by what they lead to; empty where that cannot be told. */
export function openFiles(below: string): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(below) ? [target] : [];
    } catch {
      return [];
    }
  });
}

export async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts).toString();
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
