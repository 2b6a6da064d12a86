// LangChain's embeddings, remembered in packs through its own byte store interface:
//   node examples/langchain/cached-embeddings.ts
import { createHash } from "node:crypto";
import { CtxPack } from "@ctxpack/client";
import { Embeddings, type EmbeddingsInterface } from "@langchain/core/embeddings";
import type { BaseStore } from "@langchain/core/stores";
import { embed } from "../pipeline/embed.ts";
import { expectThat, inWorkplace } from "../workplace.ts";
import { PackByteStore } from "./byte-store.ts";

/** A model that runs here, without a network, and counts what it is asked. */
class LocalEmbeddings extends Embeddings {
  asked = 0;

  constructor() {
    super({});
  }

  async embedDocuments(texts: string[]): Promise<number[][]> {
    this.asked += texts.length;
    return texts.map((text) => embed(text));
  }

  async embedQuery(text: string): Promise<number[]> {
    return (await this.embedDocuments([text]))[0] ?? [];
  }
}

/** What `CacheBackedEmbeddings` of @langchain/classic does with a byte store; that package needs one for OpenAI, too. */
async function embedDocuments(
  model: EmbeddingsInterface,
  store: BaseStore<string, Uint8Array>,
  texts: readonly string[],
): Promise<number[][]> {
  const keys = texts.map((text) => createHash("sha256").update(text).digest("hex"));
  const known = await store.mget(keys);
  const missing = texts.filter((_, at) => known[at] === undefined);
  const made = await model.embedDocuments([...missing]);
  const vectors = known.map((bytes) =>
    bytes === undefined ? (made.shift() ?? []) : JSON.parse(new TextDecoder().decode(bytes)),
  );
  await store.mset(
    keys.flatMap((key, at): [string, Uint8Array][] =>
      known[at] === undefined ? [[key, new TextEncoder().encode(JSON.stringify(vectors[at]))]] : [],
    ),
  );
  return vectors;
}

await inWorkplace(async (cwd) => {
  await using ctx = await CtxPack.open({ cwd, cacheDir: "store", pantries: [] });
  const store = new PackByteStore(ctx, { tool: "embed", version: "1", model: "bag-of-words-64" });
  const model = new LocalEmbeddings();
  const first = await embedDocuments(model, store, ["red fox", "brown bear"]);
  expectThat(model.asked === 2, "two texts were embedded");
  const second = await embedDocuments(model, store, ["brown bear", "grey wolf", "red fox"]);
  expectThat(model.asked === 3, "of three texts only the new one was embedded");
  expectThat(JSON.stringify(second[2]) === JSON.stringify(first[0]), "the others came from packs");

  const keys: string[] = [];
  for await (const key of store.yieldKeys()) keys.push(key);
  expectThat(keys.length === 3, "the store lists its keys");
  await store.mdelete(keys.slice(0, 1));
  const left = await store.mget(keys);
  expectThat(left[0] === undefined && left[1] !== undefined, "what was deleted is gone");
});
