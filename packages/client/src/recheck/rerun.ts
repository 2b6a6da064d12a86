import { dirname } from "node:path";
import { type Claim, outline, type PackRecord, removeStore, type Store } from "@ctxpack/cache";
import type { Digest } from "@ctxpack/identity";
import type { OutputDifference } from "../difference.ts";
import type { LoadedContract } from "../load-contract.ts";
import type { Sink } from "../run/child.ts";
import { ClearedPlaces } from "../run/cleared.ts";
import { expandCommand, runCommand } from "../run/command.ts";
import { factsOf, withChild } from "../run/failure.ts";
import type { ProcessGroup } from "../run/group.ts";
import type { InputWatch } from "../run/input-watch.ts";
import { collectOutputs, type OutputPlace } from "../run/outputs.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { compare } from "./compare.ts";
import { folderContents, storedContents } from "./contents.ts";
import { type RecheckPlaces, recheckPlaces } from "./places.ts";

/** How a command is run again. */
export interface RerunOptions {
  /** Takes what the command prints. */
  readonly stdout?: Sink | undefined;
  readonly stderr?: Sink | undefined;
  /** How long each run may take, in ms. */
  readonly timeoutMs?: number | undefined;
}

/** What one run made, against the stored output. */
export interface RecheckRun {
  readonly same: boolean;
  /** Of what it made. */
  readonly tree: Digest;
  readonly durationMs: number;
  /** How many paths differ. */
  readonly differences: number;
  /** The first of them. */
  readonly outputs: readonly OutputDifference[];
}

/** What all runs of a command have in common. */
interface Facts {
  readonly loaded: LoadedContract;
  readonly command: readonly string[];
  readonly outputs: readonly OutputPlace[];
  readonly watch: InputWatch;
  readonly store: Store;
  /** Of the output to compare with. */
  readonly record: PackRecord;
  readonly claim: Claim;
}

/** Runs a command again, and again. */
export class Rerun {
  readonly #session: Session;
  readonly #facts: Facts;

  constructor(session: Session, facts: Facts) {
    this.#session = session;
    this.#facts = facts;
  }

  /** One run. */
  async once(options: RerunOptions, work: Work): Promise<RecheckRun> {
    const { loaded, command, outputs, watch, store } = this.#facts;
    using scratch = store.scratch();
    const { baseDir } = loaded;
    const places = recheckPlaces(command, outputs, { baseDir, folder: scratch.path });
    const argv = await expandCommand(this.#session, loaded, command, places.named, work);
    await watch.requireSamePacks(this.#session, loaded, work.signal);
    const cleared = await ClearedPlaces.of(store, places.fixed);
    for (const { from } of cleared.displaced) {
      this.#session.warn(
        `${from} is moved away while the command runs, and put back: with {out} in the command it would stay`,
      );
    }
    let isCompared = false;
    try {
      const run = await this.#run(argv, places, options, work);
      isCompared = true;
      return run;
    } finally {
      for (const { path } of await cleared.putBack()) {
        if (isCompared) removeStore(dirname(path));
        else this.#session.warn(`what the command wrote is kept for a day: ${path}`);
      }
    }
  }

  async #run(
    argv: readonly string[],
    { places }: RecheckPlaces,
    options: RerunOptions,
    work: Work,
  ): Promise<RecheckRun> {
    const { loaded, watch, store, claim } = this.#facts;
    const { stdout = () => {}, stderr = () => {}, timeoutMs } = options;
    const running = {
      argv,
      stdout,
      stderr,
      timeoutMs,
      onStart: (group: ProcessGroup) => claim.record(group),
    };
    const child = factsOf(await runCommand(this.#session, loaded, running, work));
    try {
      using layout = await collectOutputs(store, places);
      await watch.requireUnchanged(this.#session, loaded, work.signal);
      return { ...(await this.#compare(layout.root, work)), durationMs: child.durationMs };
    } catch (error) {
      throw withChild(error, child);
    }
  }

  async #compare(root: string, work: Work): Promise<Omit<RecheckRun, "durationMs">> {
    const { store, record } = this.#facts;
    const { uri, tree } = record;
    const made = await outline(root, work);
    if (made.tree === tree) return { same: true, tree, differences: 0, outputs: [] };
    const stored = await store.index(uri, work);
    const { count, paths } = await compare(
      { index: stored, contents: storedContents(store, uri, stored) },
      { index: made, contents: folderContents(root) },
      work.signal,
    );
    return { same: false, tree: made.tree, differences: count, outputs: paths };
  }
}
