import { resolve } from "node:path";
import type { Claim, Store } from "@ctxpack/cache";
import { type Contract, CtxPackError, type ResolvedContract } from "@ctxpack/identity";
import { identifyLoaded } from "../identify.ts";
import { pullBelieved } from "../pull.ts";
import type { Capture } from "../run/capture.ts";
import { childEnvironment } from "../run/environment.ts";
import type { ProcessGroup } from "../run/group.ts";
import { InputWatch } from "../run/input-watch.ts";
import { expandPlaceholders } from "../run/placeholders.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { batches, inParallel } from "./batch.ts";
import { Commits } from "./commit.ts";
import type { LoadedMap } from "./load.ts";
import type { MapOptions } from "./options.ts";
import { type Outcome, type Task, workItems } from "./work-items.ts";

/** How much was run for a map, and what it printed. */
export interface Ran {
  commands: number;
  /** Those that ended well. */
  succeeded: number;
  /** Of all commands together. */
  ms: number;
  readonly stdout: Capture;
  readonly stderr: Capture;
}

/** What items are computed with, and for whom. */
export interface Computing {
  readonly session: Session;
  readonly map: LoadedMap;
  readonly options: MapOptions;
  /** Of the map. */
  readonly resolved: ResolvedContract;
  readonly store: Store;
  readonly claim: Claim | undefined;
  readonly work: Work;
  readonly ran: Ran;
  /** Is told of each task when it has ended. */
  readonly note: (task: Task, outcome: Outcome) => void;
}

/** Computes all tasks, and commits each result; begins no more after one has failed, unless they are to go on. */
export async function computeItems(tasks: readonly Task[], job: Computing): Promise<void> {
  const { map, options, session, store, claim, work, ran, note } = job;
  const { loaded, command, parallel, batch } = map;
  const groups = new Set<ProcessGroup>();
  const watched = await watchShared(job);
  const [root, others] = [await rootOf(job), await othersOf(job)];
  await watched.requireSamePacks();
  const shop = {
    store,
    commits: new Commits(store, watched.requireUnchanged),
    root,
    command,
    compute: options.compute,
    others,
    cwd: loaded.baseDir,
    env: childEnvironment(loaded.parsed.contract as Contract, session.env),
    stderr: options.stderr,
    log: ran,
    signal: work.signal,
    onGroup: (group: ProcessGroup, isRunning: boolean): void => {
      if (isRunning) groups.add(group);
      else groups.delete(group);
      if (isRunning) claim?.record(...groups);
    },
    onEnd: (ms: number, isGood: boolean): void => {
      ran.commands += 1;
      if (isGood) ran.succeeded += 1;
      ran.ms += ms;
    },
  };
  await inParallel(batches(tasks, { batch, parallel }), parallel, async (some) => {
    work.signal.throwIfAborted();
    let isGood = true;
    for (const [task, outcome] of await workItems(shop, some)) {
      note(task, outcome);
      if ("error" in outcome) isGood = false;
    }
    return isGood || options.keepGoing === true;
  });
}

/** Looks at what all items share, now and whenever the functions it gives are called. */
async function watchShared(job: Computing): Promise<{
  readonly requireSamePacks: () => Promise<void>;
  readonly requireUnchanged: () => Promise<void>;
}> {
  const { session, map, resolved: before, work } = job;
  const { loaded, input } = map;
  const { parsed, baseDir } = loaded;
  const { outputs: _, ...contract } = parsed.contract as Contract;
  const inputs = (contract.inputs ?? []).filter(({ name }) => name !== input.name);
  const shared = { parsed: { ...parsed, contract: { ...contract, inputs } }, baseDir };
  const watch = new InputWatch();
  const { resolved, packs } = await identifyLoaded(session, shared, {
    ...work,
    observe: (known) => watch.observe(known),
  });
  watch.expect(packs);
  const expected = before.inputs.filter(({ name }) => name !== input.name);
  const isSame =
    JSON.stringify([resolved.inputs, resolved.transforms]) ===
    JSON.stringify([expected, before.transforms]);
  if (!isSame) {
    throw new CtxPackError("CTXPACK_E_TREE", "an input or the code changed since it was hashed", {
      hint: "let whatever writes there finish, then run it again",
    });
  }
  const { signal } = work;
  return {
    requireSamePacks: () => watch.requireSamePacks(session, shared, signal),
    requireUnchanged: () => watch.requireUnchanged(session, shared, signal),
  };
}

/** The folder of the mapped input. */
async function rootOf({ session, map: { input, loaded }, work }: Computing): Promise<string> {
  if (input.pack !== undefined) return await pullBelieved(session, input.pack, work);
  return resolve(loaded.baseDir, input.path as string);
}

/** What the command's other placeholders stand for. */
async function othersOf({ session, map, work }: Computing): Promise<ReadonlyMap<string, string>> {
  const { command, loaded } = map;
  const words = command?.others() ?? [];
  const { inputs = [] } = loaded.parsed.contract as Contract;
  const paths = await expandPlaceholders(words, {
    inputs: inputs.map(({ name }) => name),
    outputs: [],
    input: async (name) => {
      const input = inputs.find((one) => one.name === name);
      if (input?.pack === undefined) return input?.path;
      return await pullBelieved(session, input.pack, work);
    },
  });
  return new Map(words.map((word, at) => [word, paths[at] as string]));
}
