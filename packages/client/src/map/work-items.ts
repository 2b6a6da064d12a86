import {
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { ItemResult, Store } from "@ctxpack/cache";
import { CtxPackError, type Digest, hashFile, sha256 } from "@ctxpack/identity";
import { Capture } from "../run/capture.ts";
import { runChild, type Sink } from "../run/child.ts";
import { failureOf } from "../run/failure.ts";
import type { ProcessGroup } from "../run/group.ts";
import type { Commits } from "./commit.ts";
import { type InputFile, locateFile } from "./items.ts";
import type { ComputeItem } from "./options.ts";
import { type ItemCommand, namesOf } from "./template.ts";

/** An item to compute: one of those that have its key. */
export interface Task extends InputFile {
  readonly key: string;
}

/** What a task became. */
export type Outcome = { readonly result: ItemResult } | { readonly error: CtxPackError };

/** What all tasks of one map share. */
export interface Workshop {
  readonly store: Store;
  readonly commits: Commits;
  /** The input's folder. */
  readonly root: string;
  readonly command: ItemCommand | undefined;
  readonly compute: ComputeItem | undefined;
  /** What else the command's placeholders stand for. */
  readonly others: ReadonlyMap<string, string>;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stderr: Sink | undefined;
  /** Keep the beginning of what commands print. */
  readonly log: { readonly stdout: Capture; readonly stderr: Capture };
  readonly signal: AbortSignal;
  /** A command runs, or has ended. */
  readonly onGroup: (group: ProcessGroup, isRunning: boolean) => void;
  /** A command has ended that ran so long; well, or not. */
  readonly onEnd: (ms: number, isGood: boolean) => void;
}

/** Files of up to so many bytes are read in one go. */
const SMALL = 2 ** 20;

interface Place {
  readonly in: string;
  readonly out: string;
}

/**
 * Computes some items with one command, and commits what it wrote. One that fails for several items says nothing of any of
 * them: then each is computed alone.
 */
export async function workItems(
  shop: Workshop,
  tasks: readonly Task[],
): Promise<ReadonlyMap<Task, Outcome>> {
  using folder = shop.store.scratch();
  const folderOf = (at: number): string =>
    tasks.length === 1 ? folder.path : makeFolder(join(folder.path, String(at)));
  const places = await Promise.all(tasks.map((task, at) => layOut(shop, task, folderOf(at))));
  const failure = await compute(shop, tasks, places);
  if (failure !== undefined && tasks.length > 1) {
    const alone = new Map<Task, Outcome>();
    for (const task of tasks) {
      shop.signal.throwIfAborted();
      for (const [one, outcome] of await workItems(shop, [task])) alone.set(one, outcome);
    }
    return alone;
  }
  const outcomes = await Promise.all(
    tasks.map(async (task, at): Promise<readonly [Task, Outcome]> => {
      const problem = failure ?? missing((places[at] as Place).out);
      if (problem !== undefined) return [task, { error: named(problem, task) }];
      return [task, { result: await shop.commits.add(task.key, (places[at] as Place).out) }];
    }),
  );
  return new Map(outcomes);
}

/** A copy of the item's file, under a name that says nothing of it but its extension. */
async function layOut(
  { root, command, signal }: Workshop,
  task: Task,
  folder: string,
): Promise<Place> {
  const { ext } = namesOf(task.path);
  // A function's contract has no word that would name the extension.
  const to = join(folder, `in${command === undefined ? "" : ext}`);
  const from = locateFile(root, task.path);
  if ((await copy(from, to, signal)) !== task.digest) throw changed(from);
  return { in: to, out: join(folder, "out") };
}

/** The digest of what was copied. */
async function copy(from: string, to: string, signal: AbortSignal): Promise<Digest> {
  try {
    if (statSync(from).size <= SMALL) {
      const bytes = readFileSync(from);
      writeFileSync(to, bytes);
      return sha256(bytes);
    }
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw changed(from, error);
  }
  return (await hashFile(to, { signal })).digest;
}

/** Why a command made nothing; `undefined` when it ended well. */
async function compute(
  shop: Workshop,
  tasks: readonly Task[],
  places: readonly Place[],
): Promise<CtxPackError | undefined> {
  const { signal } = shop;
  const began = performance.now();
  let isGood = false;
  if (shop.compute !== undefined) {
    const [place] = places as readonly [Place];
    try {
      await shop.compute(place.in, place.out, { signal });
      isGood = true;
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      return new CtxPackError("CTXPACK_E_COMMAND", String((error as Error)?.message ?? error), {
        cause: error,
      });
    } finally {
      shop.onEnd(performance.now() - began, isGood);
    }
  }
  const all = tasks.map(({ path }, at) => ({ names: namesOf(path), places: places[at] as Place }));
  const argv = (shop.command as ItemCommand).forAll(all, shop.others);
  const [stdout, stderr] = [new Capture(), new Capture()];
  let group: ProcessGroup | undefined;
  try {
    const end = await runChild({
      argv,
      cwd: shop.cwd,
      env: shop.env,
      stdout: (chunk) => stdout.take(chunk),
      stderr: (chunk) => stderr.take(chunk),
      signal,
      onStart: (started) => {
        group = started;
        shop.onGroup(started, true);
      },
    });
    const failure = failureOf(end, argv);
    isGood = failure === undefined;
    return failure;
  } finally {
    if (group !== undefined) shop.onGroup(group, false);
    shop.onEnd(performance.now() - began, isGood);
    const [out, err] = [stdout.stream().bytes, stderr.stream().bytes];
    shop.log.stdout.take(out);
    shop.log.stderr.take(err);
    if (out.length + err.length > 0) await shop.stderr?.(Buffer.concat([out, err]));
  }
}

function makeFolder(path: string): string {
  mkdirSync(path);
  return path;
}

function missing(out: string): CtxPackError | undefined {
  const stat = lstatSync(out, { throwIfNoEntry: false });
  if (stat?.isFile()) return undefined;
  const what =
    stat === undefined ? "did not write {out}" : "wrote something to {out} that is no file";
  return new CtxPackError("CTXPACK_E_COMMAND", `the command ${what}`, {
    hint: "the result of an item is one file",
  });
}

/** The same error, of an item. */
function named(error: CtxPackError, { path }: Task): CtxPackError {
  const { code, message, hint, details } = error;
  return new CtxPackError(code, `${path}: ${message}`, {
    hint,
    cause: error,
    details: { ...details, item: path },
  });
}

function changed(path: string, cause?: unknown): CtxPackError {
  return new CtxPackError("CTXPACK_E_TREE", `${path} changed since it was hashed`, {
    hint: "let whatever writes there finish, then run it again; what was computed stays known",
    ...(cause !== undefined && { cause }),
    details: { path },
  });
}
