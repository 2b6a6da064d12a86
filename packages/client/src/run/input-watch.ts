import type { IndexReader } from "@ctxpack/cache/pack";
import {
  type Contract,
  CtxPackError,
  compileFilter,
  type Digest,
  type DirHash,
  digestHex,
  dirHashLines,
  type FileDigests,
  type FileState,
  isResolved,
  type ResolvedPack,
  resolveContract,
  sha256,
  type TreeTimes,
} from "@ctxpack/identity";
import type { LoadedContract } from "../load-contract.ts";
import type { Session } from "../session.ts";
import { findLocal } from "./find-result.ts";

type Files = ReturnType<IndexReader["outputFiles"]>;

const UNREAD = "0".repeat(64);

/**
 * Remembers the states that the inputs and the code of a contract had when they were hashed: put between resolving and
 * what it knows, it sees each of them pass. A look at the same files later tells whether they still have them.
 */
export class InputWatch {
  #seen: readonly string[] = [];
  #packs: readonly ResolvedPack[] = [];
  /** The tree of each pack input that was found to be what it was resolved to: one look is enough for it. */
  readonly #trees = new Map<string, Digest>();

  /** What resolving should ask in place of `known`. */
  observe(known: FileDigests | undefined): FileDigests {
    const watcher = new Watcher(known);
    this.#seen = watcher.seen;
    return watcher;
  }

  /** Takes what outputs of other contracts were resolved to. */
  expect(packs: readonly ResolvedPack[]): void {
    this.#packs = packs;
  }

  /**
   * Throws CTXPACK_E_TREE, naming the input, when a file has another state than it was hashed with, or one came or went,
   * or the store holds another output for a pack. No file is read.
   */
  async requireUnchanged(
    session: Session,
    { parsed, baseDir }: LoadedContract,
    signal: AbortSignal,
  ): Promise<void> {
    const { contract } = parsed;
    if (isResolved(contract)) return;
    // Only what lies on this disk can change.
    const inputs = (contract.inputs ?? []).filter(({ path }) => path !== undefined);
    const watcher = new Watcher(undefined, true);
    try {
      await resolveContract(
        { ...parsed, contract: { ...contract, inputs } },
        { baseDir, env: session.env, digests: watcher, signal },
      );
    } catch (error) {
      signal.throwIfAborted();
      if (!CtxPackError.isInstance(error)) throw error;
      throw changed(error.message, error);
    }
    const at = watcher.seen.findIndex((state, i) => state !== this.#seen[i]);
    if (at >= 0) throw changed(`${namesOf({ ...contract, inputs })[at]} changed`);
    const pack = await this.#otherPack(session, contract, signal);
    if (pack) throw changed(`the input ${pack.name}, the output of ${pack.uri}, was replaced`);
  }

  /**
   * Throws CTXPACK_E_TREE when the store holds another output of a pack than the one that was resolved: between the two,
   * a pantry or another process may have replaced it.
   */
  async requireSamePacks(
    session: Session,
    { parsed: { contract } }: LoadedContract,
    signal: AbortSignal,
  ): Promise<void> {
    const pack = isResolved(contract)
      ? undefined
      : await this.#otherPack(session, contract, signal);
    if (pack === undefined) return;
    throw new CtxPackError(
      "CTXPACK_E_TREE",
      `the input ${pack.name}: the output of ${pack.uri} was replaced since it was hashed`,
      { hint: "run it again", details: { name: pack.name, uri: pack.uri, expected: pack.digest } },
    );
  }

  /** A pack whose output in the store is not the one that was resolved; one that is not there was not read from there. */
  async #otherPack(
    session: Session,
    contract: Contract,
    signal: AbortSignal,
  ): Promise<ResolvedPack | undefined> {
    for (const pack of this.#packs) {
      const input = contract.inputs?.find(({ name }) => name === pack.name);
      if (input?.pack === undefined) continue;
      const found = await findLocal(session, input.pack, signal);
      if (found === undefined || !("record" in found)) continue;
      const { store, record } = found;
      if (this.#trees.get(pack.name) === record.tree) continue;
      const files = (await store.index(pack.uri, { signal })).outputFiles();
      if (dirHashOf(files, input) !== pack.digest) return pack;
      this.#trees.set(pack.name, record.tree);
    }
    return undefined;
  }
}

/** The `dirHash1` of the files of an output that an input selects. */
function dirHashOf(files: Files, input: Parameters<typeof compileFilter>[0]): DirHash {
  const filter = compileFilter(input);
  const selected = [...files].filter(({ path }) => filter.selects(path.normalize("NFC")));
  return `dirHash1:${digestHex(sha256(dirHashLines(selected)))}`;
}

/** Passes on what is known, and notes in which state each file and tree was. */
class Watcher implements FileDigests {
  readonly seen: string[] = [];
  readonly #known: FileDigests | undefined;
  /** Nothing is to be read: everything counts as known. */
  readonly #blind: boolean;
  #inTree = false;

  constructor(known: FileDigests | undefined, blind = false) {
    this.#known = known;
    this.#blind = blind;
  }

  get isEmpty(): boolean {
    return !this.#blind && (this.#known?.isEmpty ?? this.#known === undefined);
  }

  get(path: string, state: FileState): string | undefined {
    // The files of a tree are in its key.
    if (!this.#inTree) this.seen.push(textOf(path, state));
    return this.#blind ? UNREAD : this.#known?.get(path, state);
  }

  set(path: string, state: FileState, hex: string, readAt: number): void {
    this.#known?.set(path, state, hex, readAt);
  }

  getTree(key: Uint8Array): Uint8Array | undefined {
    this.seen.push(Buffer.from(key).toString("hex"));
    if (this.#blind) return new Uint8Array();
    const lines = this.#known?.getTree?.(key);
    this.#inTree = lines === undefined;
    return lines;
  }

  /** Called for every tree that was not known, once its files are. */
  setTree(key: Uint8Array, hex: string, times: TreeTimes, readAt: number): void {
    this.#inTree = false;
    this.#known?.setTree?.(key, hex, times, readAt);
  }
}

function textOf(path: string, { ino, size, mtimeNs, ctimeNs, mode }: FileState): string {
  return [ino, size, mtimeNs, ctimeNs, mode, path].join(" ");
}

/** What a person calls each thing on the disk, in the order in which it is resolved. */
function namesOf(contract: Contract): readonly string[] {
  const inputs = (contract.inputs ?? []).map(({ name }) => `the input ${name}`);
  const code = contract.transforms
    .filter((transform) => (transform.code ?? []).length > 0)
    .map(({ tool }) => `the code of ${tool}`);
  return [...inputs, ...code];
}

function changed(what: string, cause?: unknown): CtxPackError {
  return new CtxPackError("CTXPACK_E_TREE", `${what} while the command ran: nothing was stored`, {
    hint: "the result may be of neither state; run it again, and write outputs outside of inputs",
    ...(cause !== undefined && { cause }),
  });
}
