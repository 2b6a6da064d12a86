import type { JsonValue } from "@ctxpack/identity";
import { answerMessage, promptMessages } from "./ai-sdk-messages.ts";
import { type AiSdkAnswer, AiSdkAssembly, messageOf } from "./ai-sdk-stream.ts";
import type { RunRecorder } from "./recorder.ts";

/** What a middleware is told of a call. */
interface CallOptions {
  readonly params: object;
  readonly model: { readonly provider?: string; readonly modelId?: string };
}

/** A middleware for `wrapLanguageModel` of the AI SDK. */
export interface AiSdkMiddleware {
  readonly specificationVersion: "v3";
  wrapGenerate<R extends object>(
    options: CallOptions & { readonly doGenerate: () => PromiseLike<R> },
  ): Promise<R>;
  wrapStream<P, R extends { stream: ReadableStream<P> }>(
    options: CallOptions & { readonly doStream: () => PromiseLike<R> },
  ): Promise<R>;
}

/** Parameters of a call that are kept. `headers` hold credentials, `abortSignal` is no value. */
const PARAMS = [
  "maxOutputTokens",
  "temperature",
  "stopSequences",
  "topP",
  "topK",
  "presencePenalty",
  "frequencyPenalty",
  "responseFormat",
  "seed",
  "toolChoice",
  "providerOptions",
];

/**
 * Records the calls of a model of the Vercel AI SDK, streamed ones too:
 * `wrapLanguageModel({ model, middleware: recordAiSdk(recorder) })`. Tool calls are told from the prompts that follow.
 */
export function recordAiSdk(recorder: RunRecorder): AiSdkMiddleware {
  return {
    specificationVersion: "v3",
    async wrapGenerate({ doGenerate, ...call }) {
      const note = noteOf(recorder, call);
      try {
        const result = await doGenerate();
        note(result as unknown as AiSdkAnswer, undefined);
        return result;
      } catch (error) {
        note(undefined, messageOf(error));
        throw error;
      }
    },
    async wrapStream<P, R extends { stream: ReadableStream<P> }>({
      doStream,
      ...call
    }: CallOptions & { readonly doStream: () => PromiseLike<R> }) {
      const note = noteOf(recorder, call);
      let result: R;
      try {
        result = await doStream();
      } catch (error) {
        note(undefined, messageOf(error));
        throw error;
      }
      return { ...result, stream: result.stream.pipeThrough(watching<P>(note)) };
    },
  };
}

type Note = (answer: AiSdkAnswer | undefined, problem: string | undefined) => void;

function noteOf(recorder: RunRecorder, { params, model }: CallOptions): Note {
  const startedAt = new Date().toISOString();
  const request = requestOf(params, model.modelId);
  return (answer, problem) => {
    recorder.exchange({
      api: "openai-chat",
      provider: model.provider,
      request,
      answer: answer && chatAnswer(answer),
      httpStatus: answer === undefined ? undefined : 200,
      problem,
      startedAt,
      endedAt: new Date().toISOString(),
    });
  };
}

/** Hands parts on and looks at them. */
function watching<P>(note: Note): TransformStream<P, P> {
  const assembly = new AiSdkAssembly();
  let isOver = false;
  const finish = (broken?: string) => {
    if (isOver) return;
    isOver = true;
    const problem = assembly.error ?? broken;
    note(
      assembly.answer(),
      assembly.isComplete ? assembly.error : (problem ?? "the stream ended early"),
    );
  };
  const transformer = {
    transform(part: P, controller: TransformStreamDefaultController<P>) {
      assembly.add(part);
      controller.enqueue(part);
    },
    flush: () => finish(),
    cancel: (reason: unknown) => finish(`the client went away: ${messageOf(reason)}`),
  };
  return new TransformStream(transformer);
}

function requestOf(params: object, model: string | undefined): JsonValue {
  const given = params as { readonly [key: string]: unknown };
  const kept = PARAMS.filter((key) => given[key] !== undefined).map((key) => [key, given[key]]);
  const tools = Array.isArray(given["tools"]) ? given["tools"] : [];
  return json({
    ...Object.fromEntries(kept),
    ...(model !== undefined && { model }),
    messages: promptMessages(json(given["prompt"])),
    ...(tools.length > 0 && { tools: tools.map(toolOf) }),
  });
}

function toolOf({ name, description, inputSchema }: Record<string, unknown>): object {
  return { name, description, parameters: inputSchema };
}

function chatAnswer({ content, finishReason, usage, response }: AiSdkAnswer): JsonValue {
  const reason = typeof finishReason === "object" && finishReason !== null ? finishReason : {};
  const finish =
    typeof finishReason === "string"
      ? finishReason
      : (Object(reason).raw ?? Object(reason).unified);
  return json({
    id: response?.["id"],
    model: response?.["modelId"],
    choices: [{ index: 0, message: answerMessage(json(content)), finish_reason: finish }],
    usage: chatUsage(usage),
  });
}

/** Counts, as version 5 (numbers) and 6 (objects) of the SDK have them. */
function chatUsage(usage: unknown): object | undefined {
  if (typeof usage !== "object" || usage === null) return undefined;
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens } = usage as Record<
    string,
    unknown
  >;
  const [input, output] = [Object(inputTokens), Object(outputTokens)];
  const isPlain = typeof inputTokens === "number" || typeof outputTokens === "number";
  return {
    prompt_tokens: isPlain ? inputTokens : input.total,
    completion_tokens: isPlain ? outputTokens : output.total,
    cached_tokens: isPlain ? cachedInputTokens : input.cacheRead,
    cache_write_tokens: isPlain ? undefined : input.cacheWrite,
    reasoning_tokens: isPlain ? reasoningTokens : output.reasoning,
  };
}

/** A value as JSON has it; bytes as base64. */
function json(value: unknown): JsonValue {
  const text = JSON.stringify(value, (_, member: unknown) =>
    member instanceof Uint8Array ? Buffer.from(member).toString("base64") : member,
  );
  return text === undefined ? null : (JSON.parse(text) as JsonValue);
}
