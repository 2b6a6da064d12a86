import { hash } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { rename } from "@ctxpack/oci";
import { isTemporary, writeWhole } from "../file/write-whole.ts";
import {
  type CacheEntry,
  ENTRY_LIMIT,
  formatEntry,
  isObjectName,
  parseEntry,
} from "./cache-entry.ts";
import { makePrivateFolder, PRIVATE, readUpTo } from "./files.ts";
import type { PinnedMirror } from "./mirror.ts";
import { touch } from "./touch.ts";
import {
  TRUSTED_ROOT,
  TUF_LIMITS,
  type TufState,
  type VerifiedTufState,
  verifyTufState,
} from "./tuf-state.ts";

/** A verified state, and since when we have it. */
export interface CachedState {
  readonly state: TufState;
  readonly verified: VerifiedTufState;
  /** Milliseconds since 1970. */
  readonly fetchedAt: number;
}

/** What lies on the disk. */
export type CacheReading =
  | { readonly kind: "absent" }
  /** Something that is not whole, or does not lead back to the pinned root. */
  | { readonly kind: "corrupt"; readonly why: string }
  | ({ readonly kind: "state" } & CachedState);

/** Files that no entry names any more are kept so long for who has just read an older entry. */
const GRACE_MS = 3_600_000;

/**
 * A mirror's folder in the trust directory: `entry.json`, the only file that changes, and `objects/<sha256>`, which it names.
 * Whoever reads needs no lock: an entry is replaced in one rename, when all its objects are there. Nothing in it is believed:
 * each reading verifies everything from the pinned root on.
 */
export class TrustCache {
  readonly folder: string;
  readonly #mirror: PinnedMirror;

  constructor(directory: string, mirror: PinnedMirror) {
    this.folder = join(directory, mirror.id);
    this.#mirror = mirror;
  }

  /** The file on which those who refresh lock. */
  get lockFile(): string {
    return join(this.folder, "refresh.lock");
  }

  /** Reads and verifies. What may not be read is as good as absent. */
  async read(): Promise<CacheReading> {
    try {
      const reading = await this.#read();
      if (reading.kind === "state") await touch(this.#path("entry.json"));
      return reading;
    } catch (error) {
      if (isDenied(error)) return { kind: "absent" };
      throw error;
    }
  }

  /** Keeps a state. Throws what the disk says. */
  async write({ state, verified, fetchedAt }: CachedState): Promise<void> {
    await makePrivateFolder(this.folder);
    await makePrivateFolder(this.#path("objects"));
    const put = async (bytes: Uint8Array): Promise<string> => {
      const name = hash("sha256", bytes, "hex");
      const path = this.#object(name);
      const there = await readUpTo(path, bytes.length);
      if (there === undefined || hash("sha256", there, "hex") !== name)
        await writeWhole(path, bytes, PRIVATE);
      return name;
    };
    const roots: string[] = [];
    for (const root of state.roots) roots.push(await put(root));
    const entry: CacheEntry = {
      v: 1,
      mirror: this.#mirror.url.href,
      rootVersion: verified.rootVersion,
      fetchedAt,
      hardExpiresAt: verified.expires.getTime(),
      roots,
      timestamp: await put(state.timestamp),
      snapshot: await put(state.snapshot),
      targets: await put(state.targets),
      target: {
        name: TRUSTED_ROOT,
        length: state.target.length,
        sha256: await put(state.target),
      },
    };
    await writeWhole(this.#path("entry.json"), formatEntry(entry), PRIVATE);
    await this.#sweep(new Set([...roots, ...objectsOf(entry)]));
  }

  /** Puts an entry that cannot be used aside, as `entry.json.bad`, for whoever wants to know what happened. */
  async quarantine(): Promise<void> {
    rename(this.#path("entry.json"), this.#path("entry.json.bad"));
  }

  async clear(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async #read(again = true): Promise<CacheReading> {
    const bytes = await readUpTo(this.#path("entry.json"), ENTRY_LIMIT);
    if (bytes === undefined) return { kind: "absent" };
    const entry = bytes.length > ENTRY_LIMIT ? undefined : parseEntry(bytes);
    if (entry === undefined) return { kind: "corrupt", why: "entry.json is damaged" };
    const state = await this.#load(entry);
    if (state === undefined) {
      // Another process may have replaced the entry meanwhile, and swept.
      return again ? this.#read(false) : { kind: "corrupt", why: "a file is missing or damaged" };
    }
    try {
      const verified = await verifyTufState(this.#mirror.root, state);
      return { kind: "state", state, verified, fetchedAt: entry.fetchedAt };
    } catch (error) {
      return { kind: "corrupt", why: (error as Error).message };
    }
  }

  async #load(entry: CacheEntry): Promise<TufState | undefined> {
    const get = (name: string, limit: number) => this.#get(name, limit);
    const roots = await Promise.all(entry.roots.map((name) => get(name, TUF_LIMITS.root)));
    const timestamp = await get(entry.timestamp, TUF_LIMITS.timestamp);
    const snapshot = await get(entry.snapshot, TUF_LIMITS.snapshot);
    const targets = await get(entry.targets, TUF_LIMITS.targets);
    const target = await get(entry.target.sha256, TUF_LIMITS.target);
    if (!timestamp || !snapshot || !targets || !target) return undefined;
    if (!roots.every((root) => root !== undefined)) return undefined;
    return { roots, timestamp, snapshot, targets, target };
  }

  async #get(name: string, limit: number): Promise<Buffer | undefined> {
    const bytes = await readUpTo(this.#object(name), limit);
    return bytes && hash("sha256", bytes, "hex") === name ? bytes : undefined;
  }

  async #sweep(used: ReadonlySet<string>): Promise<void> {
    for (const folder of [this.folder, this.#path("objects")]) {
      for (const name of await readdir(folder)) {
        const unused = isTemporary(name) || (isObjectName(name) && !used.has(name));
        if (!unused) continue;
        const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: Date.now() }));
        if (Date.now() - mtimeMs > GRACE_MS) await rm(join(folder, name), { force: true });
      }
    }
  }

  #object(name: string): string {
    return join(this.folder, "objects", name);
  }

  #path(name: string): string {
    return join(this.folder, name);
  }
}

function objectsOf({ timestamp, snapshot, targets, target }: CacheEntry): string[] {
  return [timestamp, snapshot, targets, target.sha256];
}

/** Whether the disk does not let us: then there is still the memory. */
export function isDenied(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  const codes = [
    "EACCES",
    "EPERM",
    "EROFS",
    "ENOSPC",
    "EDQUOT",
    "ENOENT",
    "ENOTDIR",
    "EEXIST",
    "ELOOP",
  ];
  return code !== undefined && codes.includes(code);
}
