import type { CtxPack } from "@ctxpack/client";
import type { EmbeddingModelMiddleware, LanguageModelMiddleware } from "ai";
import { PackStore } from "../pack-store.ts";

/** Embeddings that are known come from packs; the model is asked for the others, in one call. */
export function rememberEmbeddings(ctx: CtxPack, version: string): EmbeddingModelMiddleware {
  return {
    specificationVersion: "v4",
    wrapEmbed: async ({ model, params }) => {
      const { provider, modelId } = model;
      const packs = new PackStore(ctx, { tool: `${provider} embed`, version, model: modelId });
      const options = JSON.stringify(params.providerOptions ?? {});
      const keys = params.values.map((value) => JSON.stringify([options, value]));
      const known = await Promise.all(keys.map((key) => packs.get(key)));
      const missing = params.values.filter((_, at) => known[at] === undefined);
      const made =
        missing.length === 0 ? undefined : await model.doEmbed({ ...params, values: missing });
      const fresh = [...(made?.embeddings ?? [])];
      const embeddings = known.map((bytes) =>
        bytes === undefined ? (fresh.shift() ?? []) : JSON.parse(new TextDecoder().decode(bytes)),
      );
      for (const [at, key] of keys.entries()) {
        if (known[at] !== undefined) continue;
        await packs.set(key, new TextEncoder().encode(JSON.stringify(embeddings[at])));
      }
      return { warnings: [], ...made, embeddings };
    },
  };
}

/** Answers of a language model, by everything it was asked. For temperature 0, and for tests of what is built on it. */
export function rememberAnswers(ctx: CtxPack, version: string): LanguageModelMiddleware {
  return {
    specificationVersion: "v4",
    wrapGenerate: async ({ doGenerate, model, params }) => {
      const { abortSignal, headers: _, ...asked } = params;
      const { provider, modelId } = model;
      const identity = { name: `${provider} generate`, version, model: modelId };
      // JSON has no undefined; what a provider says of its own connection is no part of the answer.
      const generate = ctx.memoize(async () => {
        const { request: __, ...answer } = await doGenerate();
        return JSON.parse(JSON.stringify(answer)) as Answer;
      }, identity);
      const { response, ...answer } = await generate(JSON.parse(JSON.stringify(asked)), {
        signal: abortSignal,
      });
      if (response?.timestamp === undefined) return { ...answer, ...(response && { response }) };
      return { ...answer, response: { ...response, timestamp: new Date(response.timestamp) } };
    },
  };
}

type Answer = Awaited<
  ReturnType<Parameters<NonNullable<LanguageModelMiddleware["wrapGenerate"]>>[0]["doGenerate"]>
>;
