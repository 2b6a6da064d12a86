import {
  type Contract,
  CtxPackError,
  type FileDigests,
  type FileState,
  isResolved,
  resolveContract,
  type TreeTimes,
} from "@ctxpack/identity";
import type { LoadedContract } from "../load-contract.ts";
import type { Session } from "../session.ts";

const UNREAD = "0".repeat(64);

/**
 * Remembers the states that the inputs and the code of a contract had when they were hashed: put between resolving and
 * what it knows, it sees each of them pass. A look at the same files later tells whether they still have them.
 */
export class InputWatch {
  #seen: readonly string[] = [];

  /** What resolving should ask in place of `known`. */
  observe(known: FileDigests | undefined): FileDigests {
    const watcher = new Watcher(known);
    this.#seen = watcher.seen;
    return watcher;
  }

  /**
   * Throws CTXPACK_E_TREE, naming the input, when a file has another state than it was hashed with, or one came or went.
   * Nothing is read.
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
  }
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
