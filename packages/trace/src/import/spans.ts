import { canonicalize, compareBytewise, type JsonValue } from "@ctxpack/identity";
import type { ContentDraft, ModelDraft, RunPart, StepDraft } from "../run/draft.ts";
import type { StepKind } from "../run/step.ts";
import { compareTimes } from "../run/time.ts";
import type { OnLoss } from "../source/fields.ts";
import type { CallBlock, ResultBlock } from "./blocks.ts";
import { Conversation, History } from "./conversation.ts";

type Members = { readonly [key: string]: JsonValue };

/** A piece of work that a tracing format tells about, before it is a step. */
export interface Span {
  readonly id: string;
  readonly parentId: string | undefined;
  readonly kind: StepKind;
  readonly name: string | undefined;
  /** Sorts spans that began at the same time, as the format says. */
  readonly order?: string | undefined;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  readonly status: StepDraft["status"];
  readonly error?: StepDraft["error"];
  readonly callId?: string | undefined;
  readonly model?: ModelDraft | undefined;
  readonly usage?: StepDraft["usage"];
  readonly finishReason?: string | undefined;
  /** Arguments, query, task. */
  readonly request?: ContentDraft | undefined;
  readonly result?: ContentDraft | undefined;
  /** Of an llm span: the history it was given, and what it answered. */
  readonly messages?: readonly Members[] | undefined;
  readonly answers?: readonly Members[] | undefined;
  readonly extra?: JsonValue | undefined;
}

/**
 * Makes the steps of a trace. A call that a model asked for and the span of the tool that ran are one step: joined by
 * call id, or, where spans have none, by name and equal arguments. Messages that a later call repeats are told once.
 */
export class SpanRun {
  readonly #talk: Conversation;
  readonly #onLoss: OnLoss;
  readonly #parentPath: string;
  readonly #history = new History();
  readonly #spans: readonly Span[];
  readonly #seqs = new Map<string, number>();
  readonly #byId = new Map<string, Span>();
  /** Tool spans without a call id that no call was joined with yet, by name and arguments. */
  readonly #loose = new Map<string, Span[]>();
  readonly #callers = new Map<string, { by: number | undefined; callId: string | undefined }>();
  readonly #spanOfCall = new Map<string, Span>();

  /** @param parentPath where the log names a span's parent, for parents that are not in it. */
  constructor(spans: readonly Span[], parentPath: string, onLoss: OnLoss) {
    this.#onLoss = onLoss;
    this.#parentPath = parentPath;
    this.#spans = [...spans].sort(compareSpans);
    this.#talk = new Conversation(onLoss, {
      takesCall: (call, by) => this.#takesCall(call, by),
      takesResult: (result) => this.#takesResult(result),
    });
    for (const span of this.#spans) {
      this.#byId.set(span.id, span);
      if (span.kind !== "tool") continue;
      if (span.callId !== undefined) this.#spanOfCall.set(span.callId, span);
      else {
        const key = callKey(span.name, span.request);
        this.#loose.set(key, [...(this.#loose.get(key) ?? []), span]);
      }
    }
  }

  *parts(): Generator<RunPart> {
    for (const { parentId } of this.#spans) {
      if (parentId !== undefined && !this.#byId.has(parentId))
        this.#onLoss(this.#parentPath, "unmapped");
    }
    for (const span of this.#spans) {
      this.#emit(span);
      yield* this.#talk.take();
    }
    yield* this.#talk.finish();
  }

  /** A span after those it lies in, whatever their clocks say. */
  #emit(span: Span): void {
    const chain: Span[] = [];
    const seen = new Set<string>();
    for (let at: Span | undefined = span; at !== undefined; ) {
      if (seen.has(at.id) || this.#seqs.has(at.id)) break;
      seen.add(at.id);
      chain.push(at);
      at = at.parentId === undefined ? undefined : this.#byId.get(at.parentId);
    }
    for (const one of chain.reverse()) this.#emitOne(one);
  }

  #emitOne(span: Span): void {
    const joined = this.#callers.get(span.id);
    const at: Partial<StepDraft> = {
      name: span.name,
      parent: this.#parentOf(span),
      startedAt: span.startedAt,
      endedAt: span.endedAt,
      status: span.status,
      error: span.error,
      model: span.model,
      usage: span.usage,
      finishReason: span.finishReason,
      src: { id: span.id },
      extra: span.extra,
    };
    if (span.kind === "llm") {
      this.#seqs.set(span.id, this.#llm(span, at));
      return;
    }
    const seq = this.#talk.queue.add({
      ...at,
      kind: span.kind,
      by: joined?.by,
      callId: span.callId ?? joined?.callId,
      request: span.request,
      result: span.result ?? (span.kind === "tool" ? { absent: "not-captured" } : undefined),
    });
    this.#seqs.set(span.id, seq);
  }

  #llm(span: Span, at: Partial<StepDraft>): number {
    const { messages = [], answers = [] } = span;
    for (const message of this.#history.fresh(messages)) {
      this.#talk.add(message, "$..messages[*]", { parent: at.parent });
    }
    this.#history.answered(messages, answers);
    const [first, ...others] = answers;
    if (first === undefined) {
      const result = span.result ?? { absent: "not-captured" as const };
      return this.#talk.queue.add({ ...at, kind: "llm", request: span.request, result });
    }
    const seq = this.#talk.queue.next;
    this.#talk.add({ ...first, role: "assistant" }, "$..answers[*]", {
      ...at,
      ...(span.request !== undefined && { request: span.request }),
    });
    for (const other of others) {
      this.#talk.add({ ...other, role: "assistant" }, "$..answers[*]", {
        parent: at.parent,
        model: at.model,
      });
    }
    return seq;
  }

  #parentOf(span: Span): number | undefined {
    const parent = span.parentId === undefined ? undefined : this.#byId.get(span.parentId);
    const seen = new Set<string>();
    for (let at = parent; at !== undefined && !seen.has(at.id); ) {
      seen.add(at.id);
      const seq = this.#seqs.get(at.id);
      if (seq !== undefined) return seq;
      at = at.parentId === undefined ? undefined : this.#byId.get(at.parentId);
    }
    return undefined;
  }

  #takesCall(call: CallBlock, by: number | undefined): boolean {
    const named = call.id === undefined ? undefined : this.#spanOfCall.get(call.id);
    const span = named ?? this.#loose.get(callKey(call.name, call.request))?.shift();
    if (span === undefined || this.#seqs.has(span.id)) return false;
    this.#callers.set(span.id, { by, callId: call.id });
    if (call.id !== undefined) this.#spanOfCall.set(call.id, span);
    return true;
  }

  #takesResult(result: ResultBlock): boolean {
    const span = result.id === undefined ? undefined : this.#spanOfCall.get(result.id);
    // The span tells what came back, unless content was not recorded there.
    return span?.result !== undefined;
  }
}

function callKey(name: string | undefined, request: ContentDraft | undefined): string {
  const value =
    request === undefined
      ? null
      : "value" in request
        ? request.value
        : "text" in request
          ? request.text
          : null;
  return `${name ?? ""} ${canonicalize(value)}`;
}

function compareSpans(a: Span, b: Span): number {
  if (a.startedAt !== undefined && b.startedAt !== undefined) {
    const times = compareTimes(a.startedAt, b.startedAt);
    if (times !== 0) return times;
  } else if (a.startedAt !== b.startedAt) return a.startedAt === undefined ? 1 : -1;
  return compareBytewise(a.order ?? "", b.order ?? "");
}
