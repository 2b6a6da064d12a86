// Bytes by key, each in a pack of its own: what the adapters for LangChain and the AI SDK have in common.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CtxPack, CtxUri } from "@ctxpack/client";

/** What the values of a store were made by; part of every URI. */
export interface MadeBy {
  readonly tool: string;
  readonly version: string;
  readonly model?: string;
}

export class PackStore {
  readonly #ctx: CtxPack;
  readonly #madeBy: MadeBy;

  constructor(ctx: CtxPack, madeBy: MadeBy) {
    this.#ctx = ctx;
    this.#madeBy = madeBy;
  }

  /** From the store, else from a pantry that is believed. */
  async get(key: string): Promise<Uint8Array | undefined> {
    const { hit, uri } = await this.#ctx.resolve(this.#contract(key));
    if (!hit) return undefined;
    const pieces: Uint8Array[] = [];
    for await (const piece of this.#ctx.cat(uri, "value")) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Keeps a value; the first one stays when there is one already. */
  async set(key: string, value: Uint8Array): Promise<void> {
    await this.#ctx.getOrCompute(this.#contract(key), async (dir) => {
      await writeFile(join(dir, "value"), value);
    });
  }

  /** Forgets a value in the store; a pantry keeps it. */
  async delete(key: string): Promise<void> {
    for await (const { uri, name } of this.#ctx.list()) {
      if (name === this.#label(key)) await this.#ctx.remove(uri);
    }
  }

  /** Keys of values in the store. */
  async *keys(prefix = ""): AsyncGenerator<string> {
    for await (const { name } of this.#ctx.list()) {
      if (name?.startsWith(this.#label(prefix))) yield name.slice(this.#label("").length);
    }
  }

  /** The URI of a value, for whoever wants to push it. */
  async uri(key: string): Promise<CtxUri> {
    return (await this.#ctx.uri(this.#contract(key))).uri;
  }

  #contract(key: string) {
    const { tool, version, model } = this.#madeBy;
    return {
      name: this.#label(key),
      inputs: [{ name: "key", value: key }],
      transforms: [{ tool, tool_version: version, ...(model !== undefined && { model }) }],
    };
  }

  #label(key: string): string {
    return `${this.#madeBy.tool}/${key}`;
  }
}
