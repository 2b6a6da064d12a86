import type { ContentDraft, StepDraft } from "../run/draft.ts";

/** Steps that wait, and what they take; beyond it the oldest is given up. */
const MAX_WAITING = 20_000;
const MAX_WAITING_SIZE: number = 64 * 1024 * 1024;

interface Waiting {
  step: StepDraft;
  /** Of the call whose result has not come yet. */
  callId: string | undefined;
  size: number;
}

/**
 * Keeps steps in the order in which they began while the results of calls are still to come. A result that comes after
 * its call was given up is told so, and becomes a step of its own.
 */
export class CallQueue {
  readonly #waiting: Waiting[] = [];
  readonly #open = new Map<string, Waiting>();
  #first = 0;
  #size = 0;
  #count = 0;

  /** The `seq` that the next step gets. */
  get next(): number {
    return this.#count;
  }

  /** Adds a step that is complete; returns its `seq`. */
  add(step: StepDraft): number {
    return this.#push(step, undefined);
  }

  /**
   * Adds a call whose result is to come; returns its `seq`. An open call of the same id is given up. The step has the id
   * unless it comes with one of its own.
   */
  call(callId: string, step: StepDraft): number {
    const earlier = this.#open.get(callId);
    if (earlier !== undefined) this.#giveUp(earlier);
    return this.#push({ callId, ...step }, callId);
  }

  /** Whether a call of this id waits for its result. */
  isOpen(callId: string): boolean {
    return this.#open.has(callId);
  }

  /** Completes an open call by what `complete` makes of it; false when there is none. */
  result(callId: string, complete: (call: StepDraft) => StepDraft): boolean {
    const waiting = this.#open.get(callId);
    if (waiting === undefined) return false;
    this.#replace(waiting, complete(waiting.step));
    waiting.callId = undefined;
    this.#open.delete(callId);
    return true;
  }

  /** Changes a step that was added, as long as it is here. */
  amend(seq: number, change: (step: StepDraft) => StepDraft): boolean {
    const index = this.#waiting.length - (this.#count - seq);
    const waiting = this.#waiting[index];
    if (waiting === undefined || index < this.#first) return false;
    this.#replace(waiting, change(waiting.step));
    return true;
  }

  /** Changes an open call; false when there is none of this id. */
  amendCall(callId: string, change: (step: StepDraft) => StepDraft): boolean {
    const waiting = this.#open.get(callId);
    if (waiting !== undefined) this.#replace(waiting, change(waiting.step));
    return waiting !== undefined;
  }

  /** The steps at the front that are complete, but the last `keep` added. */
  *ready(keep = 0): Generator<StepDraft> {
    while (this.#first < this.#waiting.length - keep) {
      const front = this.#waiting[this.#first];
      if (front === undefined) return;
      const full =
        this.#waiting.length - this.#first > MAX_WAITING || this.#size > MAX_WAITING_SIZE;
      if (front.callId !== undefined) {
        if (!full) break;
        this.#giveUp(front);
      }
      this.#first++;
      this.#size -= front.size;
      yield front.step;
    }
    if (this.#first > 1024) {
      this.#waiting.splice(0, this.#first);
      this.#first = 0;
    }
  }

  /** All that is left, once nothing can come any more. */
  *rest(): Generator<StepDraft> {
    for (const waiting of this.#open.values()) this.#giveUp(waiting);
    yield* this.ready();
  }

  #push(step: StepDraft, callId: string | undefined): number {
    const waiting: Waiting = { step, callId, size: sizeOf(step) };
    this.#waiting.push(waiting);
    if (callId !== undefined) this.#open.set(callId, waiting);
    this.#size += waiting.size;
    return this.#count++;
  }

  #replace(waiting: Waiting, step: StepDraft): void {
    waiting.step = step;
    this.#size -= waiting.size;
    waiting.size = sizeOf(step);
    this.#size += waiting.size;
  }

  #giveUp(waiting: Waiting): void {
    if (waiting.callId !== undefined) this.#open.delete(waiting.callId);
    waiting.callId = undefined;
    waiting.step = {
      ...waiting.step,
      status: "unknown",
      result: waiting.step.result ?? { absent: "not-captured" },
    };
  }
}

/** About what a step's texts take; enough to know when there are too many. */
function sizeOf(step: StepDraft): number {
  let size = 256;
  for (const content of [step.request, step.result, step.reasoning]) {
    if (content !== undefined) size += sizeOfContent(content);
  }
  return step.extra === undefined ? size : size + JSON.stringify(step.extra).length;
}

function sizeOfContent(content: ContentDraft): number {
  if ("text" in content) return content.text.length;
  if ("bytes" in content) return content.bytes.length;
  if ("value" in content) return JSON.stringify(content.value).length;
  return "parts" in content ? content.parts.reduce((sum, part) => sum + sizeOfContent(part), 0) : 0;
}
