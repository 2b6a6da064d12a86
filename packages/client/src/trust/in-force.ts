import { stat } from "node:fs/promises";
import { CtxPackError } from "@ctxpack/identity";
import type { LoadedPolicy, Lock } from "@ctxpack/proof";
import type { Session } from "../session.ts";
import type { Material } from "./evidence.ts";
import { OpenPolicies, type PolicySource, readPolicies } from "./policies.ts";

/** For so long a trust root is used before it is got again, in ms: on the disk there may be a newer one. */
const ROOTS_MS = 300_000;

/** One that was not to be had is asked for again after so long, in ms: who waits for each pack waits for ever. */
const RETRY_MS = 10_000;

/** What packs are judged by, as the files say it. */
export interface Written {
  readonly policies: readonly LoadedPolicy[];
  readonly locks: readonly Lock[];
}

/** The same, and what signatures are held against. */
export interface Opened extends Written {
  readonly material: Material;
}

interface Opening {
  readonly written: Written;
  readonly policies: Promise<OpenPolicies>;
  /** Of `performance.now`. */
  until: number;
}

/** Policies, lock files and trust roots as they are now: a session may last for weeks, and they change meanwhile. */
export class InForce implements AsyncDisposable {
  readonly #sources: readonly PolicySource[];
  readonly #locks: readonly string[];
  readonly #session: Session;
  #read: { readonly stamp: string; readonly written: Promise<Written> } | undefined;
  #opened: Opening | undefined;
  readonly #closing = new Set<Promise<void>>();

  constructor(session: Session, sources: readonly PolicySource[], locks: readonly string[]) {
    this.#session = session;
    this.#sources = sources;
    this.#locks = locks;
  }

  /** What the files say; they are read again when one has changed. Throws as `readPolicies` and `readLock`. */
  async read(signal: AbortSignal): Promise<Written> {
    signal.throwIfAborted();
    const files = this.#sources.filter((source) => typeof source === "string");
    // Taken before they are read: a change while they are is seen the next time.
    const stamp = (await Promise.all([...files, ...this.#locks].map(stampOf))).join("\n");
    const known = this.#read?.stamp === stamp ? this.#read : undefined;
    const reading = known ?? { stamp, written: this.#readAll(signal) };
    this.#read = reading;
    try {
      return await reading.written;
    } catch (error) {
      // The next one tries again: this one may have been aborted.
      if (this.#read === reading) this.#read = undefined;
      throw error;
    }
  }

  /** The same with trust roots. */
  async open(signal: AbortSignal): Promise<Opened> {
    const written = await this.read(signal);
    const known = this.#opened;
    const isFresh = known?.written === written && performance.now() < known.until;
    const opening = isFresh ? known : this.#open(written, signal);
    try {
      return { ...written, material: (await opening.policies).material };
    } catch (error) {
      // As above.
      if (this.#opened === opening) this.#opened = undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#opened !== undefined) this.#close(this.#opened);
    this.#opened = undefined;
    await Promise.all(this.#closing);
  }

  #open(written: Written, signal: AbortSignal): Opening {
    if (this.#opened !== undefined) this.#close(this.#opened);
    const open = async (): Promise<OpenPolicies> => {
      const opened = await OpenPolicies.open(written.policies, this.#session, signal);
      const isWhole = opened.material.unavailable.length === 0;
      opening.until = performance.now() + (isWhole ? ROOTS_MS : RETRY_MS);
      return opened;
    };
    // Whoever comes meanwhile waits for the same.
    const opening: Opening = { written, policies: open(), until: Number.POSITIVE_INFINITY };
    this.#opened = opening;
    return opening;
  }

  /** What is renewed in the background ends by itself: nobody waits for it before the session ends. */
  #close({ policies }: Opening): void {
    const close = async (): Promise<void> => {
      const opened = await policies.catch(() => undefined);
      await opened?.[Symbol.asyncDispose]();
    };
    const closing = close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  async #readAll(signal: AbortSignal): Promise<Written> {
    const [lock] = this.#locks;
    if (this.#sources.length === 0 && lock !== undefined) throw withoutPolicy(lock);
    const [policies, locks] = await Promise.all([
      readPolicies(this.#sources, this.#session, signal),
      Promise.all(this.#locks.map((file) => readConfiguredLock(file, signal))),
    ]);
    return { policies, locks };
  }
}

/** A lock file by itself says nothing of who may vouch for a pack. */
export function withoutPolicy(lock: string): CtxPackError {
  const message = `${lock} pins what policies accepted, and no policy is in force`;
  return new CtxPackError("CTXPACK_E_CONFIG", message, {
    hint: 'name one as well: --policy FILE, CTXPACK_POLICY, or "policy" in ctxpack.config.json',
    details: { file: lock },
  });
}

/** Reads a lock file that configuration names. Throws CTXPACK_E_PATH_NOT_FOUND: a name with a mistake would pin nothing. */
export async function readConfiguredLock(file: string, signal: AbortSignal): Promise<Lock> {
  const { readLock } = await import("@ctxpack/proof");
  if ((await stampOf(file)) !== "ENOENT") return await readLock(file, { signal });
  throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `there is no lock file ${file}`, {
    hint: "ctxpack verify URI --lock FILE --pin writes it; it is named by CTXPACK_LOCK, or /lock in a configuration file",
    details: { file },
  });
}

/** What tells one state of a file from another. */
async function stampOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch (error) {
    // Whoever reads it says what is wrong.
    return (error as NodeJS.ErrnoException).code ?? "?";
  }
}
