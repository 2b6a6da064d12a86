import { createHash } from "node:crypto";
import {
  CtxPackError,
  type CtxUri,
  canonicalBytes,
  type JsonValue,
  sha256,
  uriOf,
} from "@ctxpack/identity";
import { Redactor } from "../redact/redactor.ts";
import { HeadBuilder } from "./build-head.ts";
import { buildStep } from "./build-step.ts";
import { checkHead, checkStep } from "./check.ts";
import type { RunPart } from "./draft.ts";
import type { RunHead } from "./head.ts";
import { type RunFile, STEPS_PATH } from "./layout.ts";
import { MAX_HEAD, MAX_STEP_LINE, MAX_STEPS } from "./limits.ts";
import { LossLedger } from "./losses.ts";
import { Models } from "./models.ts";
import { ContentPlacer } from "./place.ts";
import type { Step } from "./step.ts";
import { TotalsCounter } from "./totals.ts";

/** A run as a pack: what {@link packRun} returns after its files. */
export interface PackedRun {
  readonly head: RunHead;
  /** The head's canonical bytes: the config blob of the pack. */
  readonly config: Uint8Array;
  /** `ctx://` and the sha256 of `config`. */
  readonly uri: CtxUri;
  /** Files below `content/`, and the sum of their sizes in bytes. */
  readonly contents: { readonly count: number; readonly bytes: number };
  /** Distinct secrets that were replaced, and how often. */
  readonly redacted: { readonly secrets: number; readonly places: number };
}

/** How {@link packRun} works. */
export interface PackRunOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Lines are handed on when this many bytes have gathered. */
const PIECE = 64 * 1024;

/**
 * Makes the pack of a run while its parts arrive: yields the files of its tree and returns its head. `steps.ndjson`
 * comes in pieces, contents come whole, each once; no more than one content and 64 KiB of lines are held. The same
 * parts give the same bytes, and so the same URI.
 *
 * @throws CtxPackError `CTXPACK_E_TOO_LARGE` when a content, a line, the head or the number of steps is over its
 *   limit, `CTXPACK_E_TRACE` for a part that breaks a rule of the format.
 */
export async function* packRun(
  parts: AsyncIterable<RunPart> | Iterable<RunPart>,
  options: PackRunOptions = {},
): AsyncGenerator<RunFile, PackedRun> {
  const redactor = new Redactor();
  const placer = new ContentPlacer(redactor);
  const models = new Models(redactor, placer);
  const losses = new LossLedger();
  const totals = new TotalsCounter();
  const head = new HeadBuilder({ placer, redactor, models, losses, totals });
  const lines = new StepLines();
  for await (const part of parts) {
    options.signal?.throwIfAborted();
    if ("step" in part) {
      const step = buildStep(part.step, lines.count, { placer, redactor, models });
      totals.add(step);
      lines.add(step);
    } else if ("loss" in part) losses.add(part.loss);
    else if ("model" in part) models.use(part.model);
    else addFact(head, part);
    yield* placer.takeFiles();
    if (lines.held >= PIECE) yield lines.take();
  }
  if (lines.held > 0 || lines.count === 0) yield lines.take();
  const built = head.build({ count: lines.count, digest: lines.digest() });
  yield* placer.takeFiles();
  const config = headBytes(built);
  return {
    head: built,
    config,
    uri: uriOf(sha256(config)),
    contents: { count: placer.count, bytes: placer.bytes },
    redacted: { secrets: redactor.distinct, places: redactor.replaced },
  };
}

function addFact(
  head: HeadBuilder,
  part: Exclude<RunPart, { step: unknown } | { loss: unknown } | { model: unknown }>,
) {
  if ("head" in part) head.add(part.head);
  else if ("system" in part) head.addSystem(part.system);
  else if ("tool" in part) head.addTool(part.tool);
  else if ("input" in part) head.addFile(part.input, "input");
  else head.addFile(part.output, "output");
}

function headBytes(head: RunHead): Uint8Array {
  const config = canonicalBytes(head as unknown as JsonValue);
  if (config.length > MAX_HEAD) {
    throw new CtxPackError(
      "CTXPACK_E_TOO_LARGE",
      `the run head takes ${config.length} bytes; the limit is ${MAX_HEAD}`,
      {
        hint: "a run with so many tools, inputs or outputs has to be split",
        details: { found: config.length, expected: MAX_HEAD },
      },
    );
  }
  checkHead(head, "the run head");
  return config;
}

/** The lines of `steps.ndjson`. */
class StepLines {
  readonly #hash = createHash("sha256");
  #pieces: Uint8Array[] = [];
  /** Number of steps so far. */
  count = 0;
  /** Bytes that wait to be taken. */
  held = 0;

  add(step: Step): void {
    if (this.count >= MAX_STEPS) throw tooLarge(`more than ${MAX_STEPS} steps`);
    const bytes = canonicalBytes(step as unknown as JsonValue);
    if (bytes.length > MAX_STEP_LINE) {
      throw tooLarge(`step ${step.seq} takes ${bytes.length} bytes; the limit is ${MAX_STEP_LINE}`);
    }
    checkStep(step, `step ${step.seq}`);
    const line = new Uint8Array(bytes.length + 1);
    line.set(bytes);
    line[bytes.length] = 0x0a;
    this.#hash.update(line);
    this.#pieces.push(line);
    this.held += line.length;
    this.count++;
  }

  take(): RunFile {
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.held = 0;
    return { path: STEPS_PATH, bytes };
  }

  /** Once, after the last step. */
  digest(): `sha256:${string}` {
    return `sha256:${this.#hash.digest("hex")}`;
  }
}

function tooLarge(message: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_TOO_LARGE", message, {
    hint: "split the log, or leave out what is not needed",
  });
}
