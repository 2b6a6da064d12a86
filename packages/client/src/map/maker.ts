import type { ComposedFile, RunLog } from "@ctxpack/cache";
import {
  CtxPackError,
  type CtxUri,
  type Resolution,
  refuseSecrets,
  resolveContract,
  uriOf,
} from "@ctxpack/identity";
import { isDamage } from "../damage.ts";
import { identifyLoaded } from "../identify.ts";
import type { LoadedContract } from "../load-contract.ts";
import type { IdentifyLoadedOptions } from "../resolve.ts";
import { Capture } from "../run/capture.ts";
import { stopped } from "../run/command.ts";
import { type ChildFacts, withChild } from "../run/failure.ts";
import type { Made, Maker } from "../run/get.ts";
import { type OutputPlace, outputPlaces, placeOutputs } from "../run/outputs.ts";
import type { Session } from "../session.ts";
import { computeItems, type Ran } from "./compute-items.ts";
import { familyOf, ItemKeys, recipeOf } from "./item-key.ts";
import { filesOfLines, type InputFile } from "./items.ts";
import type { LoadedMap } from "./load.ts";
import type { MapCounts, MapOptions, MappedItem, MapResult, ReusedPack } from "./options.ts";
import { type KnownResult, Reuse } from "./reuse.ts";
import { outputPaths } from "./template.ts";
import type { Outcome, Task } from "./work-items.ts";

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

/** How all commands together ended, once one has ended well. */
function childOf({ succeeded, ms }: Ran): ChildFacts | undefined {
  return succeeded > 0 ? { exitCode: 0, durationMs: Math.round(ms) } : undefined;
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

  /** By what the next map finds what this one made, here and in a pantry; a name that somebody chose is for both. */
  get families(): { readonly here: readonly string[]; readonly there: readonly string[] } {
    const { family } = this.#options;
    const chosen = family === undefined ? [] : [family];
    const { resolved } = this.#resolution as Resolution;
    return { here: [recipeOf(resolved), ...chosen], there: [familyOf(resolved), ...chosen] };
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
    const startedAt = new Date().toISOString();
    const ran: Ran = {
      commands: 0,
      succeeded: 0,
      ms: 0,
      stdout: new Capture(),
      stderr: new Capture(),
    };
    const prepare = () => this.#prepare(job, ran);
    let results = await prepare();
    const seed: Made["seed"] = async (contract, options) => {
      const { here: families } = this.families;
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
    const child = childOf(ran);
    return {
      ...(child && { child }),
      seed,
      undo: async () => {},
      reused: () => this.#reused,
      log: ({ uri, tree }): RunLog => ({
        uri,
        tree,
        command: this.#map.command?.argv ?? [],
        startedAt,
        durationMs: Math.round(ran.ms),
        stdout: ran.stdout.stream(),
        stderr: ran.stderr.stream(),
      }),
    };
  }

  [Symbol.dispose](): void {
    this.#leases.dispose();
  }

  /** The result of every item: known, or computed now. */
  async #prepare(job: Job, ran: Ran): Promise<ReadonlyMap<string, KnownResult>> {
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
      const facts = { session: this.#session, map: this.#map, options: this.#options };
      const { resolved } = this.#resolution as Resolution;
      await computeItems(tasks, { ...facts, ...job, resolved, ran, note });
    } catch (error) {
      const { signal } = job.work;
      if (!signal.aborted) throw withChild(error, childOf(ran));
      if (ran.commands === 0) throw error;
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
    const { here, there } = this.families;
    if (!force) {
      // A store of our own for a while has nothing to reuse.
      if (mode.readLocal && mode.writeLocal) await reuse.fromStore(this.#session, here, work);
      if (mode.readRemote) {
        const search = { circuit, onUntrusted };
        await reuse.fromPantries(this.#session, there, search, work);
      }
    }
    this.#reused = reuse.packs;
    for (const { uri } of reuse.packs) this.#leases.use(store.lease(uri));
    return reuse.known;
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
