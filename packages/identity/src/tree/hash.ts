import { createHash } from "node:crypto";
import { type BigIntStats, realpathSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Digest, DirHash } from "../digest.ts";
import { CtxPackError } from "../errors.ts";
import { compileFilter, type PathFilter } from "../pattern.ts";
import type { OnProgress } from "../progress.ts";
import type { FileDigests } from "./digests.ts";
import { EarlyParts } from "./early.ts";
import { errnoOf, readError, show, treeError } from "./fault.ts";
import { HashJob } from "./job.ts";
import { DigestLines, STEP_ROWS } from "./lines.ts";
import { BUFFER_BYTES, readDigest } from "./read.ts";
import { AHEAD_BYTES, readDigestAhead } from "./read-ahead.ts";
import { runSliced } from "./slice.ts";
import { FileTable, sizeAt } from "./table.ts";
import { treeKey, treeTimes } from "./tree-key.ts";
import { splitUnits } from "./units.ts";
import { walk } from "./walk.ts";
import { Threads, threadsWorth } from "./workers.ts";

/** How one file is hashed. */
export interface HashOneFileOptions extends HashFileOptions {
  /**
   * What it is read into; of one's own when many files are hashed one after the other, or by many threads. Without it,
   * 256 KiB, or for a large file two pieces of 2 MiB, of which one is read while the other is hashed.
   */
  readonly buffer?: Buffer | undefined;
}

/** How files are hashed. */
export interface HashFileOptions {
  /** Digests known without reading; asked for files unless they are empty, told of every one that was read. */
  readonly digests?: FileDigests | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Phase `hash`: files while a folder is listed, then bytes. */
  readonly onProgress?: OnProgress | undefined;
}

/** How a tree is hashed. */
export interface HashTreeOptions extends HashFileOptions {
  /** Patterns of the files that count (default: every file). */
  readonly include?: readonly string[] | undefined;
  /** Patterns of the files that do not. What is excluded is not looked at. */
  readonly exclude?: readonly string[] | undefined;
}

/** What a tree is. */
export interface TreeDigest {
  readonly digest: DirHash;
  readonly files: number;
  /** The sum of the files' sizes. */
  readonly bytes: number;
  /** `<hex>  <path>\n` for each file, sorted bytewise by path; their SHA-256 is `digest`. */
  readonly lines: Uint8Array;
}

/**
 * Computes the `dirHash1` of the folder `root` (DESIGN §4.2): the same as
 * `find -L | sort | sha256sum | sha256sum` says. Large trees are hashed by all cores; the calling thread's
 * event loop turns at least every 10 ms or so, and memory holds a path, a line of
 * `lines` and about a hundred bytes per file.
 *
 * @throws CtxPackError `CTXPACK_E_PATH_NOT_FOUND`; `CTXPACK_E_TREE` for a tree that has no digest and for an
 *   `include` that matches no file (`details.unmatched`); `CTXPACK_E_PERMISSION`; `CTXPACK_E_USAGE` for a
 *   malformed pattern.
 */
export async function hashTree(root: string, options: HashTreeOptions = {}): Promise<TreeDigest> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const filter = filterOf(options);
  const readAt = Date.now();
  const { digests } = options;
  const context = { root: resolveFolder(root), named: root, filter };
  const table = new FileTable(context.root, root);
  await using threads = new Threads();
  const early = new EarlyParts(table, threads);
  const mayBegin = digests === undefined || digests.isEmpty === true;
  await runSliced(
    count(walk(context, table), () => mayBegin && early.look()),
    {
      signal,
      onSlice: () => onProgress?.({ phase: "hash", unit: "files", done: table.count }),
    },
  );
  refuseUnmatched(root, filter);
  const key = digests?.getTree && (await runSliced(treeKey(table), { signal }));
  const known = key && digests?.getTree?.(key);
  const lines = known ?? new Uint8Array(await linesOf(table, early, threads, readAt, options));
  const hex = await runSliced(sha256Steps(lines), { signal });
  if (key !== undefined && known === undefined) {
    const times = await runSliced(treeTimes(table), { signal });
    digests?.setTree?.(key, hex, times, readAt);
  }
  return { digest: `dirHash1:${hex}`, files: table.count, bytes: table.bytes, lines };
}

async function linesOf(
  table: FileTable,
  early: EarlyParts,
  threads: Threads,
  readAt: number,
  options: HashFileOptions,
): Promise<SharedArrayBuffer> {
  const { digests, signal } = options;
  const lines = await runSliced(DigestLines.of(table), { signal });
  const unknown = await runSliced(lookUp(table, lines, early.end, digests), { signal });
  await hashUnknown(table, lines, unknown, early, threads, options);
  await runSliced(remember(table, lines, unknown, readAt, digests), { signal });
  return lines.buffer.buffer;
}

/**
 * Computes the SHA-256 of the file at `path`; a link is followed.
 *
 * @throws CtxPackError `CTXPACK_E_PATH_NOT_FOUND`; `CTXPACK_E_TREE` for what is no file or changed while it
 *   was read; `CTXPACK_E_PERMISSION`.
 */
export async function hashFile(
  path: string,
  options: HashOneFileOptions = {},
): Promise<{ digest: Digest; size: number }> {
  const { digests, signal, onProgress } = options;
  signal?.throwIfAborted();
  const readAt = Date.now();
  const { real, stats: state } = resolvePath(path);
  if (!state.isFile()) {
    throw treeError(
      path,
      `${show(path)} is ${state.isDirectory() ? "a folder" : "not a regular file"}`,
    );
  }
  const size = Number(state.size);
  let hex = digests?.get(real, state);
  if (hex === undefined) {
    const file = { path: real, shown: path, state };
    let done = 0;
    const onBytes = (bytes: number) => (done += bytes);
    const report = () => onProgress?.({ phase: "hash", unit: "bytes", done, total: size });
    if (size >= AHEAD_BYTES && options.buffer === undefined && availableParallelism() > 1) {
      hex = await readDigestAhead(file, {
        signal,
        onBytes: (bytes) => {
          onBytes(bytes);
          report();
        },
      });
    } else {
      const steps = readDigest(file, options.buffer ?? Buffer.allocUnsafe(BUFFER_BYTES));
      hex = await runSliced(count(steps, onBytes), { signal, onSlice: report });
    }
    digests?.set(real, state, hex, readAt);
  }
  onProgress?.({ phase: "hash", unit: "bytes", done: size, total: size });
  return { digest: `sha256:${hex}`, size };
}

async function hashUnknown(
  table: FileTable,
  lines: DigestLines,
  unknown: Uint32Array,
  early: EarlyParts,
  threads: Threads,
  options: HashFileOptions,
): Promise<void> {
  const units = splitUnits(unknown.subarray(early.end), table.states);
  const job = HashJob.of(table, lines, units);
  let known = table.bytes;
  for (const row of unknown) known -= sizeAt(table.states, row);
  const report = () =>
    options.onProgress?.({
      phase: "hash",
      unit: "bytes",
      // A file that a thread gave up is read, and counted, a second time.
      done: Math.min(known + threads.bytes, table.bytes),
      total: table.bytes,
    });
  threads.give(job);
  threads.want(threadsWorth(units));
  const onSlice = () => {
    if (early.hasFailed) job.stop();
    report();
  };
  const { signal } = options;
  const ahead = threads.leaveCores ? { signal, onBytes: onSlice } : undefined;
  await runSliced(job.work(ahead), { signal, onSlice });
  await runSliced(early.work(), { signal, onSlice });
  await threads.ended({ signal, onTick: onSlice });
  await runSliced(early.finish(lines), { signal, onSlice: report });
  await runSliced(job.finish(), { signal, onSlice: report });
  report();
}

/** Fills in the digests that are known; returns the rows of the others. Those before `from` are not asked for. */
function* lookUp(
  table: FileTable,
  lines: DigestLines,
  from: number,
  digests: FileDigests | undefined,
): Generator<undefined, Uint32Array, void> {
  const pending = new Uint32Array(table.count);
  let unknown = 0;
  for (let row = 0; row < table.count; row++) {
    const hex = row < from ? undefined : digests?.get(table.openPath(row), table.state(row));
    if (hex === undefined) pending[unknown++] = row;
    else lines.setDigest(row, hex);
    if (row % STEP_ROWS === 0) yield;
  }
  return pending.subarray(0, unknown);
}

function* remember(
  table: FileTable,
  lines: DigestLines,
  read: Uint32Array,
  readAt: number,
  digests: FileDigests | undefined,
): Generator<undefined, void, void> {
  if (digests === undefined) return;
  for (const [i, row] of read.entries()) {
    digests.set(table.openPath(row), table.state(row), lines.digest(row), readAt);
    if (i % STEP_ROWS === 0) yield;
  }
}

function* sha256Steps(bytes: Uint8Array): Generator<undefined, string, void> {
  const digest = createHash("sha256");
  const step = 4 * 1024 * 1024;
  for (let at = 0; at < bytes.length; at += step) {
    digest.update(bytes.subarray(at, at + step));
    yield;
  }
  return digest.digest("hex");
}

/** Passes on what steps yield. */
function* count<T>(
  steps: Generator<number, T, void>,
  onStep: (value: number) => void,
): Generator<number, T, void> {
  try {
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      onStep(step.value);
      yield step.value;
    }
  } finally {
    steps.return(undefined as never);
  }
}

function filterOf(options: HashTreeOptions): PathFilter | undefined {
  const { include = [], exclude = [] } = options;
  return include.length + exclude.length === 0 ? undefined : compileFilter({ include, exclude });
}

function refuseUnmatched(root: string, filter: PathFilter | undefined): void {
  const unmatched = filter?.unmatched() ?? [];
  if (unmatched.length === 0) return;
  const patterns = unmatched.map((pattern) => JSON.stringify(pattern)).join(", ");
  throw treeError(root, `no file below ${show(root)} matches ${patterns}`, {
    hint: "patterns are relative to that folder and case-sensitive; correct the pattern, or leave it out",
    details: { unmatched },
  });
}

function resolveFolder(root: string): string {
  const { real, stats } = resolvePath(root);
  if (!stats.isDirectory()) throw treeError(root, `${show(root)} is not a folder`);
  return real;
}

function resolvePath(path: string): { real: string; stats: BigIntStats } {
  try {
    const real = realpathSync.native(path);
    return { real, stats: statSync(real, { bigint: true }) };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "ENOENT" && errno !== "ENOTDIR") throw readError(path, error);
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${show(path)} does not exist`, {
      cause: error,
      details: { path },
    });
  }
}
