import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, ModelDraft, RunPart } from "../run/draft.ts";
import type { StepKind } from "../run/step.ts";
import { utcTime } from "../run/time.ts";
import { Fields } from "../source/fields.ts";
import { isObject, type LogSource } from "../source/log.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";

/** How the texts of a log are found: they stand in it, or in the earlier tool's store. */
export interface ExecutionTexts {
  /** The text of a member that holds one, or a reference to one. */
  text(fields: Fields, key: string): Promise<ContentDraft | undefined>;
}

/** What is known of an execution before it is read. */
export interface ExecutionFacts {
  readonly digest?: `sha256:${string}`;
  readonly size?: number;
  /** The earlier tool's id of it, checked. */
  readonly id?: string;
  readonly duplicates: readonly string[];
}

const inPlace: ExecutionTexts = {
  async text(fields, key) {
    const value = fields.take(key);
    return value === undefined ? undefined : { value };
  },
};

/** The earlier tool's execution log: `{model, system_prompt, prompts, inputs, steps, outputs, environment}`. */
export async function* importExecutionLog(log: LogSource): AsyncGenerator<ImportedRun> {
  const { value, duplicates } = await log.document();
  if (!isObject(value)) throw log.broken(1, "no execution log");
  const facts = { ...log.facts, duplicates };
  yield { key: "", format: "execution-log", parts: readExecution(value, facts, inPlace) };
}

/** Reads an execution, whose texts `texts` finds. */
export async function* readExecution(
  value: { readonly [key: string]: JsonValue },
  facts: ExecutionFacts,
  texts: ExecutionTexts,
): AsyncGenerator<RunPart> {
  const notes = new LossNotes();
  const { duplicates, ...source } = facts;
  for (const key of duplicates) notes.note(`$..${key}`, "duplicate");
  const root = new Fields(value, "$", notes.note);
  yield { head: { source: { format: "execution-log", version: root.text("version"), ...source } } };
  const model = modelOf(root.object("model"));
  if (model !== undefined) yield { model };
  yield { head: { ...environmentOf(root.object("environment")), notCaptured: ["tools", "usage"] } };
  const system = await texts.text(root, "system_prompt");
  if (system !== undefined) yield { system };
  for (const prompt of root.objects("prompts")) {
    const role = prompt.text("role");
    const result = (await texts.text(prompt, "content")) ?? { text: "" };
    const kind = role === "assistant" ? "llm" : role === "system" ? "system" : "user";
    const name = role === undefined || role === kind || role === "assistant" ? undefined : role;
    yield { step: { kind, name, result, extra: prompt.rest() } };
  }
  const inputs = yield* readFiles(root, "input", texts);
  for (const step of root.objects("steps")) yield await readStep(step, model, texts);
  const outputs = yield* readFiles(root, "output", texts);
  // `hash` is the id, which is `source.id` once it was checked; `created` is when it was packed.
  root.take("hash");
  const extra = {
    ...root.rest(),
    ...(inputs.length > 0 && { inputs }),
    ...(outputs.length > 0 && { outputs }),
  };
  if (Object.keys(extra).length > 0) yield { head: { extra } };
  root.close();
  yield* notes.parts();
}

/**
 * The inputs or outputs of an execution; returns what is told of them that files of a run have no place for: where one
 * lies whose bytes are not here, and one whose name another takes.
 */
async function* readFiles(
  root: Fields,
  which: "input" | "output",
  texts: ExecutionTexts,
): AsyncGenerator<RunPart, JsonValue[]> {
  const beside: JsonValue[] = [];
  const files = root.objects(`${which}s`);
  const last = new Map(files.map((fields, index) => [fields.peek("name"), index]));
  for (const [index, fields] of files.entries()) {
    const isLast = last.get(fields.peek("name")) === index;
    const name = fields.text("name") ?? "unnamed";
    const content = await texts.text(fields, "content");
    if (fields.peek("size") === sizeOf(content)) fields.take("size");
    const others = {
      ...(content !== undefined &&
        "absent" in content && { content_ref: content.reference ?? null }),
      ...(!isLast && content !== undefined && "text" in content && { content: content.text }),
      ...(!isLast && content !== undefined && "value" in content && { content: content.value }),
      ...fields.rest(),
    };
    if (!isLast || Object.keys(others).length > 0) beside.push({ name, ...others });
    if (isLast)
      yield which === "input" ? { input: { name, content } } : { output: { name, content } };
  }
  return beside;
}

/** In bytes, of a text. */
function sizeOf(content: ContentDraft | undefined): number | undefined {
  if (content === undefined) return undefined;
  const text = "text" in content ? content.text : "value" in content ? content.value : undefined;
  return typeof text === "string" ? Buffer.byteLength(text) : undefined;
}

async function readStep(
  step: Fields,
  model: ModelDraft | undefined,
  texts: ExecutionTexts,
): Promise<RunPart> {
  const type = step.text("type") ?? "";
  const kind = kindOf(type);
  const time = step.text("timestamp");
  const startedAt = time === undefined ? undefined : utcTime(time);
  // Go's zero time says that there was none.
  const isZero = time?.startsWith("0001-01-01T00:00:00") === true;
  if (time !== undefined && startedAt === undefined && !isZero) step.changed("timestamp");
  const isPlain = type === "tool_call" || type === "llm_call";
  const deterministic = step.boolean("deterministic");
  const result = await texts.text(step, "output");
  const parameters = step.take("parameters");
  const others = step.peek("extra") === undefined ? undefined : step.take("extra");
  const draft = {
    kind,
    name: step.text("tool"),
    src: { id: step.id("index") },
    model: kind === "llm" ? model : undefined,
    request: parameters === undefined ? undefined : { value: parameters },
    result: result ?? { absent: "not-captured" as const },
    startedAt,
    determinism:
      deterministic === undefined ? undefined : deterministic ? ("yes" as const) : ("no" as const),
  };
  const rest = step.rest();
  const extra = {
    ...(!isPlain && type !== "" && { type }),
    ...(others !== undefined && { extra: others }),
    ...rest,
  };
  return {
    step: { ...draft, extra: Object.keys(extra).length === 0 ? undefined : (extra as JsonValue) },
  };
}

function kindOf(type: string): StepKind {
  if (/tool|function|command|shell/i.test(type)) return "tool";
  if (/llm|model|completion|chat|reason/i.test(type)) return "llm";
  if (/agent|task/i.test(type)) return "agent";
  return /retriev|search/i.test(type) ? "retrieval" : "event";
}

function modelOf(model: Fields | undefined): ModelDraft | undefined {
  if (model === undefined) return undefined;
  const draft = { requested: model.text("identifier"), params: model.take("parameters") };
  return draft;
}

function environmentOf(
  environment: Fields | undefined,
): Extract<RunPart, { head: unknown }>["head"] {
  if (environment === undefined) return { notCaptured: ["environment"] };
  const tools = environment.take("tool_versions");
  const versions = isObject(tools)
    ? Object.fromEntries(Object.entries(tools).map(([name, version]) => [name, String(version)]))
    : undefined;
  return {
    environment: {
      os: environment.text("os"),
      runtime: environment.text("runtime"),
      tools: versions,
    },
  };
}
