// LangChain's CacheBackedEmbeddings over packs:
//   node examples/langchain/cached-embeddings.ts
import { CtxPack } from "@ctxpack/client";
import { CacheBackedEmbeddings } from "@langchain/classic/embeddings/cache_backed";
import { Embeddings } from "@langchain/core/embeddings";
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

await inWorkplace(async (cwd) => {
  await using ctx = await CtxPack.open({ cwd, cacheDir: "store", pantries: [] });
  const model = "bag-of-words-64";
  const store = new PackByteStore(ctx, { tool: "embed", version: "1", model });
  const local = new LocalEmbeddings();
  const embeddings = CacheBackedEmbeddings.fromBytesStore(local, store, { namespace: model });
  const first = await embeddings.embedDocuments(["red fox", "brown bear"]);
  expectThat(local.asked === 2, "two texts were embedded");
  const second = await embeddings.embedDocuments(["brown bear", "grey wolf", "red fox"]);
  expectThat(local.asked === 3, "of three texts only the new one was embedded");
  expectThat(JSON.stringify(second[2]) === JSON.stringify(first[0]), "the others came from packs");

  const keys: string[] = [];
  for await (const key of store.yieldKeys(model)) keys.push(key);
  expectThat(keys.length === 3, "the store lists its keys");
  await store.mdelete(keys.slice(0, 1));
  const left = await store.mget(keys);
  expectThat(left[0] === undefined && left[1] !== undefined, "what was deleted is gone");
});
