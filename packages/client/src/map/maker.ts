import { resolve } from "node:path";
import type { ComposedFile, RunLog } from "@ctxpack/cache";
import {
  type Contract,
  CtxPackError,
  type CtxUri,
  type Resolution,
  refuseSecrets,
  resolveContract,
  uriOf,
} from "@ctxpack/identity";
import { isDamage } from "../damage.ts";
import { type IdentifyLoadedOptions, identifyLoaded, type LoadedContract } from "../identify.ts";
import { pull } from "../pull.ts";
import { Capture } from "../run/capture.ts";
import { childEnvironment } from "../run/environment.ts";
import type { Made, Maker } from "../run/get.ts";
import type { ProcessGroup } from "../run/group.ts";
import { InputWatch } from "../run/input-watch.ts";
import { type OutputPlace, outputPlaces, placeOutputs } from "../run/outputs.ts";
import { expandPlaceholders } from "../run/placeholders.ts";
import { stopped } from "../run/run.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { batches, inParallel } from "./batch.ts";
import { Commits } from "./commit.ts";
import { familyOf, ItemKeys } from "./item-key.ts";
import { filesOfLines, type InputFile } from "./items.ts";
import type { LoadedMap } from "./load.ts";
import type { MapCounts, MapOptions, MappedItem, MapResult, ReusedPack } from "./options.ts";
import { type KnownResult, Reuse } from "./reuse.ts";
import { outputPaths } from "./template.ts";
import { type Outcome, type Task, workItems } from "./work-items.ts";

type Job = Parameters<Maker<void>["make"]>[0];

/** Some items failed, and the others were to be computed all the same. */
export class ItemsFailed extends Error {
  readonly failed: readonly MappedItem[];

  constructor(failed: readonly MappedItem[]) {
    super(`${failed.length} items failed`);
    this.failed = failed;
  }
}

/** Is told of items that are known. */
export type OnHits = (items: readonly MappedItem[]) => void;

/** An item, and where its result goes. */
interface Item extends InputFile {
  readonly out: string;
}

/** Makes the pack of a map: finds what is known of its items, computes the rest, and puts all of it together. */
export class MapMaker implements Maker<void>, Disposable {
  readonly loaded: LoadedContract;
  readonly displaced: MapResult["displaced"][number][] = [];
  readonly #session: Session;
  readonly #map: LoadedMap;
  readonly #options: MapOptions;
  readonly #place: OutputPlace;
  readonly #onHits: OnHits | undefined;
  /** Packs that results are taken from: a map may take longer than what nobody uses is kept. */
  readonly #leases = new DisposableStack();
  #resolution: Resolution | undefined;
  #items: readonly Item[] = [];
  #keys: ItemKeys | undefined;
  #reused: readonly ReusedPack[] = [];
  #counts: MapCounts = { total: 0, hit: 0, done: 0, failed: 0 };

  /** `onHits` is told of the items that are known, before any is computed. */
  constructor(session: Session, map: LoadedMap, options: MapOptions, onHits?: OnHits) {
    this.loaded = map.loaded;
    this.#session = session;
    this.#map = map;
    this.#options = options;
    this.#onHits = onHits;
    [this.#place] = outputPlaces(session, map.loaded) as [OutputPlace];
  }

  get uri(): CtxUri {
    return (this.#resolution as Resolution).uri;
  }

  /** Where the results stand; absolute. */
  get output(): string {
    return this.#place.path;
  }

  get counts(): MapCounts {
    return this.#counts;
  }

  get reused(): readonly ReusedPack[] {
    return this.#reused;
  }

  /** By what the next map finds what this one made: the digest of its recipe, and a name that somebody chose. */
  get families(): readonly string[] {
    const { family } = this.#options;
    const own = familyOf((this.#resolution as Resolution).resolved);
    return family === undefined ? [own] : [own, family];
  }

  /** Every item is known: the pack was there. */
  noteHit(): void {
    const { total } = this.#counts;
    this.#counts = { total, hit: total, done: 0, failed: 0 };
    this.#onHits?.(this.#items.map((item) => this.#mapped(item, "hit")));
  }

  async resolve(options: IdentifyLoadedOptions): Promise<Resolution> {
    const { loaded, input, inputAt, template, command } = this.#map;
    let lines: Uint8Array | undefined;
    const base = await identifyLoaded(this.#session, loaded, {
      ...options,
      onListing: (listing) => {
        if (listing.pointer.startsWith(`/inputs/${inputAt}/`)) lines = listing.lines;
      },
    });
    if (lines === undefined) {
      throw new CtxPackError("CTXPACK_E_USAGE", `the input ${input.name} has no files to map`, {
        hint: "name a folder or a pattern: --in 'docs/**/*.pdf'",
      });
    }
    const files = filesOfLines(lines);
    const outs = outputPaths(template.out, files);
    this.#items = files.map((file, at) => ({ ...file, out: outs[at] as string }));
    this.#counts = { total: files.length, hit: 0, done: 0, failed: 0 };
    const map = { input: input.name, out: template.out };
    const { signal, allowSecret } = { ...options, ...this.#options };
    const resolution = await resolveContract({ ...base.resolved, map }, { signal });
    refuseSecrets(resolution.resolved, { allow: allowSecret });
    this.#resolution = resolution;
    this.#keys = new ItemKeys(resolution.resolved, command);
    return { ...resolution, packs: base.packs };
  }

  async place(...[store, uri, { signal }]: Parameters<Maker<void>["place"]>): Promise<void> {
    for (const { from, path } of await placeOutputs(store, uri, [this.#place], signal)) {
      this.displaced.push({ from, path });
    }
  }

  async make(job: Job): Promise<Made> {
    const { store } = job;
    const log = { stdout: new Capture(), stderr: new Capture() };
    const startedAt = new Date().toISOString();
    const ran = { commands: 0, ms: 0 };
    const prepare = () => this.#prepare(job, log, ran);
    let results = await prepare();
    const seed: Made["seed"] = async (contract, options) => {
      const families = this.families;
      const compose = () => store.compose(contract, this.#files(results), { ...options, families });
      const seeded = await compose().catch(async (error: unknown) => {
        if (!isDamage(error)) throw error;
        this.#session.warn(`${error.message}; what it held is computed again`);
        results = await prepare();
        return await compose();
      });
      // The pack has them now.
      store.results.drop([...results.values()].filter(({ from }) => from === undefined));
      return seeded;
    };
    const durationMs = Math.round(ran.ms);
    return {
      ...(ran.commands > 0 && { child: { exitCode: 0, durationMs } }),
      seed,
      undo: async () => {},
      log: ({ uri, tree }): RunLog => ({
        uri,
        tree,
        command: this.#map.command?.argv ?? [],
        startedAt,
        durationMs,
        stdout: log.stdout.stream(),
        stderr: log.stderr.stream(),
      }),
    };
  }

  [Symbol.dispose](): void {
    this.#leases.dispose();
  }

  /** The result of every item: known, or computed now. */
  async #prepare(
    job: Job,
    log: { readonly stdout: Capture; readonly stderr: Capture },
    ran: { commands: number; ms: number },
  ): Promise<ReadonlyMap<string, KnownResult>> {
    const byKey = Map.groupBy(this.#items, (item) => this.#keyOf(item));
    const results = await this.#known(job, new Set(byKey.keys()));
    const tasks: Task[] = [];
    let hit = 0;
    for (const [key, [first, ...others]] of byKey) {
      if (results.has(key)) hit += 1 + others.length;
      else tasks.push({ ...(first as Item), key });
    }
    const { onEvent, keepGoing } = this.#options;
    this.#counts = { total: this.#items.length, hit, done: 0, failed: 0 };
    onEvent?.({ kind: "items", ...this.#counts });
    if (this.#onHits !== undefined) {
      const known = this.#items.filter((item) => results.has(this.#keyOf(item)));
      this.#onHits(known.map((item) => this.#mapped(item, "hit")));
    }
    if (tasks.length === 0) return results;
    const began = performance.now();
    const failed: MappedItem[] = [];
    const note = (task: Task, outcome: Outcome): void => {
      if ("result" in outcome) results.set(task.key, outcome.result);
      for (const item of byKey.get(task.key) ?? []) {
        const isDone = "result" in outcome;
        const mapped = this.#mapped(
          item,
          isDone ? "done" : "failed",
          isDone ? undefined : outcome.error,
        );
        if (!isDone) failed.push(mapped);
        const { done, failed: count, ...rest } = this.#counts;
        this.#counts = { ...rest, done: done + Number(isDone), failed: count + Number(!isDone) };
        onEvent?.({ kind: "item", item: mapped, counts: this.#counts });
      }
    };
    try {
      await this.#computeAll(job, tasks, { log, ran, note });
    } catch (error) {
      const { signal } = job.work;
      if (!signal.aborted || ran.commands === 0) throw error;
      throw stopped(signal.reason, performance.now() - began);
    }
    const [first] = failed;
    if (first === undefined) return results;
    throw keepGoing ? new ItemsFailed(failed) : first.error;
  }

  async #known(job: Job, keys: ReadonlySet<string>): Promise<Map<string, KnownResult>> {
    const { store, mode, circuit, work } = job;
    const { force, onUntrusted } = this.#options;
    const reuse = new Reuse(store, keys);
    if (!force) {
      // A store of our own for a while has nothing to reuse.
      if (mode.readLocal && mode.writeLocal) await reuse.fromStore(this.families, work);
      if (mode.readRemote) {
        const search = { circuit, onUntrusted };
        await reuse.fromPantries(this.#session, this.families, search, work);
      }
    }
    this.#reused = reuse.packs;
    for (const { uri } of reuse.packs) this.#leases.use(store.lease(uri));
    return reuse.known;
  }

  async #computeAll(
    { store, claim, work }: Job,
    tasks: readonly Task[],
    o: {
      readonly log: { readonly stdout: Capture; readonly stderr: Capture };
      readonly ran: { commands: number; ms: number };
      readonly note: (task: Task, outcome: Outcome) => void;
    },
  ): Promise<void> {
    const { loaded, command, parallel, batch } = this.#map;
    const { compute, stderr, keepGoing } = this.#options;
    const { contract } = loaded.parsed;
    const groups = new Set<ProcessGroup>();
    const shop = {
      store,
      commits: new Commits(store, await this.#watchShared(work)),
      root: await this.#root(work),
      command,
      compute,
      others: await this.#others(work),
      cwd: loaded.baseDir,
      env: childEnvironment(contract as Contract, this.#session.env),
      stderr,
      log: o.log,
      signal: work.signal,
      onGroup: (group: ProcessGroup, isRunning: boolean): void => {
        if (isRunning) groups.add(group);
        else groups.delete(group);
        if (isRunning) claim?.record(...groups);
      },
      onEnd: (ms: number): void => {
        o.ran.commands += 1;
        o.ran.ms += ms;
      },
    };
    await inParallel(batches(tasks, { batch, parallel }), parallel, async (some) => {
      work.signal.throwIfAborted();
      let isGood = true;
      for (const [task, outcome] of await workItems(shop, some)) {
        o.note(task, outcome);
        if ("error" in outcome) isGood = false;
      }
      return isGood || keepGoing === true;
    });
  }

  /** Looks at what all items share, now and whenever the function it gives is called. */
  async #watchShared(work: Work): Promise<() => Promise<void>> {
    const { loaded, input } = this.#map;
    const { parsed, baseDir } = loaded;
    const { outputs: _, ...contract } = parsed.contract as Contract;
    const inputs = (contract.inputs ?? []).filter(({ name }) => name !== input.name);
    const shared = { parsed: { ...parsed, contract: { ...contract, inputs } }, baseDir };
    const watch = new InputWatch();
    const { resolved } = await identifyLoaded(this.#session, shared, {
      ...work,
      observe: (known) => watch.observe(known),
    });
    const before = (this.#resolution as Resolution).resolved;
    const expected = before.inputs.filter(({ name }) => name !== input.name);
    const isSame =
      JSON.stringify([resolved.inputs, resolved.transforms]) ===
      JSON.stringify([expected, before.transforms]);
    if (!isSame) {
      throw new CtxPackError("CTXPACK_E_TREE", "an input or the code changed since it was hashed", {
        hint: "let whatever writes there finish, then run it again",
      });
    }
    return () => watch.requireUnchanged(this.#session, shared, work.signal);
  }

  /** The folder of the mapped input. */
  async #root(work: Work): Promise<string> {
    const { input, loaded } = this.#map;
    if (input.pack !== undefined) return (await pull(this.#session, input.pack, work)).path;
    return resolve(loaded.baseDir, input.path as string);
  }

  /** What the command's other placeholders stand for. */
  async #others(work: Work): Promise<ReadonlyMap<string, string>> {
    const { command, loaded } = this.#map;
    const words = command?.others() ?? [];
    const { inputs = [] } = loaded.parsed.contract as Contract;
    const paths = await expandPlaceholders(words, {
      inputs: inputs.map(({ name }) => name),
      outputs: [],
      input: async (name) => {
        const input = inputs.find((one) => one.name === name);
        if (input?.pack === undefined) return input?.path;
        return resolve((await pull(this.#session, input.pack, work)).path);
      },
    });
    return new Map(words.map((word, at) => [word, paths[at] as string]));
  }

  *#files(results: ReadonlyMap<string, KnownResult>): Generator<ComposedFile> {
    for (const item of this.#items) {
      yield { ...(results.get(this.#keyOf(item)) as KnownResult), path: item.out };
    }
  }

  #keyOf(item: InputFile): string {
    return (this.#keys as ItemKeys).key(item);
  }

  #mapped(item: Item, status: MappedItem["status"], error?: CtxPackError): MappedItem {
    const uri = uriOf(`sha256:${this.#keyOf(item)}`);
    return { path: item.path, out: item.out, uri, status, ...(error && { error }) };
  }
}
