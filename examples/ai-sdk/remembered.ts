// The AI SDK's own wrappers, with models that run here and results that are packs:
//   node examples/ai-sdk/remembered.ts
import { CtxPack } from "@ctxpack/client";
import {
  type EmbeddingModel,
  embedMany,
  generateText,
  type LanguageModel,
  wrapEmbeddingModel,
  wrapLanguageModel,
} from "ai";
import { embed } from "../pipeline/embed.ts";
import { expectThat, inWorkplace } from "../workplace.ts";
import { rememberAnswers, rememberEmbeddings } from "./middleware.ts";

const asked = { texts: 0, prompts: 0 };

/** A model without a network that counts what it is asked. */
const vectors = {
  specificationVersion: "v4",
  provider: "local",
  modelId: "bag-of-words-64",
  maxEmbeddingsPerCall: 100,
  supportsParallelCalls: true,
  doEmbed: async ({ values }) => {
    asked.texts += values.length;
    return { embeddings: values.map((value) => embed(value)), warnings: [] };
  },
} satisfies EmbeddingModel;

/** A language model of one idea: it says how often each letter was asked for. */
const counter = {
  specificationVersion: "v4",
  provider: "local",
  modelId: "letters-1",
  supportedUrls: {},
  doGenerate: async ({ prompt }) => {
    asked.prompts += 1;
    const text = `${JSON.stringify(prompt).length} characters`;
    return {
      content: [{ type: "text", text }],
      finishReason: { unified: "stop", raw: "stop" },
      usage: {
        inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
        outputTokens: { total: 2, text: 2, reasoning: 0 },
      },
      response: { id: "1", modelId: "letters-1", timestamp: new Date(0) },
      warnings: [],
    };
  },
  doStream: async () => {
    throw new Error("this model does not stream");
  },
} satisfies LanguageModel;

await inWorkplace(async (cwd) => {
  await using ctx = await CtxPack.open({ cwd, cacheDir: "store", pantries: [] });
  const model = wrapEmbeddingModel({
    model: vectors,
    middleware: rememberEmbeddings(ctx, "1"),
  });
  const first = await embedMany({ model, values: ["red fox", "brown bear"] });
  const second = await embedMany({ model, values: ["brown bear", "grey wolf", "red fox"] });
  expectThat(asked.texts === 3, "five texts were wanted, three were embedded");
  expectThat(
    JSON.stringify(second.embeddings[2]) === JSON.stringify(first.embeddings[0]),
    "the others came from packs",
  );

  const speaker = wrapLanguageModel({ model: counter, middleware: rememberAnswers(ctx, "1") });
  const question = { model: speaker, prompt: "How many?", temperature: 0 };
  const answers = [await generateText(question), await generateText(question)];
  expectThat(asked.prompts === 1, "a question that was asked before is not asked again");
  expectThat(answers[0]?.text === answers[1]?.text, "it has the same answer");
  await generateText({ ...question, temperature: 1 });
  expectThat(asked.prompts === 2, "another temperature is another question");
});
