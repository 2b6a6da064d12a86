import type { Session } from "../session.ts";
import type { MapOptions, MappedItem, MapResult } from "./options.ts";

/**
 * A map under way: iterate it for each item as it becomes known, or await `result`. It begins with the first of these, and
 * leaving the loop early ends it; what was computed until then stays known.
 *
 * @example
 * const run = ctx.map("docs/*.pdf", { out: "text/{path}.txt", command: ["pdftotext", "{in}", "{out}"] });
 * for await (const { path, status } of run) console.log(status, path);
 * const { uri, output } = await run.result();
 */
export class MapRun implements AsyncIterable<MappedItem> {
  readonly #session: Session;
  readonly #items: string;
  readonly #options: MapOptions;
  #under: Promise<MapResult> | undefined;
  readonly #abort = new AbortController();
  readonly #ready: MappedItem[] = [];
  #isHeard = false;
  #wake: () => void = () => {};

  constructor(session: Session, items: string, options: MapOptions) {
    this.#session = session;
    this.#items = items;
    this.#options = options;
  }

  /** The pack, once every item is known; throws what ended it. */
  result(): Promise<MapResult> {
    this.#under ??= this.#run();
    return this.#under;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<MappedItem, void, void> {
    if (this.#under !== undefined)
      throw new RangeError("a map is iterated once, from its beginning");
    this.#isHeard = true;
    let isOver = false;
    const over = this.result().finally(() => {
      isOver = true;
      this.#wake();
    });
    // It is thrown below, when what came before it was given out.
    over.catch(() => {});
    try {
      for (;;) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        yield* this.#ready.splice(0);
        if (isOver && this.#ready.length === 0) break;
        if (this.#ready.length === 0) await promise;
      }
      await over;
    } finally {
      if (!isOver) this.#abort.abort();
      await over.catch(() => {});
    }
  }

  async #run(): Promise<MapResult> {
    const { signal, onEvent } = this.#options;
    const given = signal === undefined ? [] : [signal];
    const listening: MapOptions = {
      ...this.#options,
      signal: AbortSignal.any([...given, this.#abort.signal]),
      onEvent: (event) => {
        onEvent?.(event);
        if (event.kind === "item") this.#hear([event.item]);
      },
    };
    const onHits = this.#isHeard ? (items: readonly MappedItem[]) => this.#hear(items) : undefined;
    // Most programs that open a CtxPack map nothing.
    const { map } = await import("./map.ts");
    return await map(this.#session, this.#items, listening, onHits);
  }

  #hear(items: readonly MappedItem[]): void {
    if (!this.#isHeard) return;
    for (const item of items) this.#ready.push(item);
    this.#wake();
  }
}
