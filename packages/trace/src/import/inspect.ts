import type { JsonValue } from "@ctxpack/identity";
import type { ModelDraft, RunPart } from "../run/draft.ts";
import { Fields } from "../source/fields.ts";
import { parseJson } from "../source/json.ts";
import { isObject, type LogSource, MAX_DOCUMENT } from "../source/log.ts";
import { readZip, type ZipEntry } from "../source/zip.ts";
import { Conversation } from "./conversation.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";
import { resolveAttachments } from "./inspect-attachments.ts";
import { eventSpans } from "./inspect-events.ts";
import { isMessage } from "./message.ts";
import { SpanRun } from "./spans.ts";

type Members = { readonly [key: string]: JsonValue };

/** Inspect AI's log, `.json` or `.eval` (a zip). Each sample of each epoch is a run. */
export async function* importInspect(log: LogSource): AsyncGenerator<ImportedRun> {
  const { header, samples } = isZip(log.head) ? await unzipped(log) : await document(log);
  const seen = new Set<string>();
  let index = 0;
  for (const read of samples) {
    index++;
    const sample = read();
    const key = `${String(sample["id"] ?? index)}/${String(sample["epoch"] ?? 1)}`;
    if (seen.has(key)) throw log.broken(0, `sample ${key} is there twice`);
    seen.add(key);
    yield { key, format: "inspect", parts: readSample(log, header, sample, key) };
  }
}

/** Whether bytes begin as a zip archive does. */
export function isZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b && head[2] === 0x03 && head[3] === 0x04;
}

interface EvalLog {
  readonly header: Members;
  readonly samples: Iterable<() => Members>;
}

async function document(log: LogSource): Promise<EvalLog> {
  const { value } = await log.document();
  if (!isObject(value)) throw log.broken(1, "no Inspect log");
  const { samples, ...header } = value;
  const list = Array.isArray(samples) ? (samples as readonly JsonValue[]).filter(isObject) : [];
  return { header, samples: list.map((sample) => () => sample) };
}

async function unzipped(log: LogSource): Promise<EvalLog> {
  const bytes = await log.whole();
  try {
    const entries = readZip(bytes);
    const named = (name: string) => entries.find((entry) => entry.name === name);
    const header = named("header.json") ?? named("_journal/start.json");
    if (header === undefined) throw new Error("no header.json in it");
    const samples = entries
      .filter(({ name }) => /^samples\/.+\.json$/.test(name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    return { header: parseEntry(header), samples: samples.map((entry) => () => parseEntry(entry)) };
  } catch (cause) {
    throw log.broken(0, cause instanceof Error ? cause.message : String(cause));
  }
}

function parseEntry(entry: ZipEntry): Members {
  const { value } = parseJson(new TextDecoder().decode(entry.read(MAX_DOCUMENT)));
  if (!isObject(value)) throw new Error(`${entry.name}: no object`);
  return value;
}

async function* readSample(
  log: LogSource,
  header: Members,
  sample: Members,
  key: string,
): AsyncGenerator<RunPart> {
  const notes = new LossNotes();
  const model = yield* readHeader(log, new Fields(header, "$", notes.note), key);
  const resolved = resolveAttachments(sample, log);
  const fields = new Fields(resolved, "$.samples[*]", notes.note);
  const transcript = fields.object("transcript");
  const events = fields.list("events") ?? transcript?.list("events") ?? [];
  transcript?.take("content");
  fields.take("attachments");
  fields.take("events_data");
  if (events.some((event) => isObject(event) && event["event"] === "model")) {
    fields.duplicate("messages", "output");
    yield* new SpanRun(eventSpans(events, notes.note), "$..events[*].span_id", notes.note).parts();
  } else {
    if (model !== undefined) yield { model };
    for (const event of events)
      if (isObject(event)) notes.note("$.samples[*].events[*]", "unmapped");
    yield* readMessages(fields, notes);
  }
  for (const name of ["id", "epoch"]) fields.take(name);
  const extra: Record<string, JsonValue> = {};
  for (const name of EXTRA) {
    const value = filled(fields.take(name));
    if (value !== undefined) extra[name] = value;
  }
  if (Object.keys(extra).length > 0) yield { head: { extra: { sample: extra } } };
  fields.close();
  yield* notes.parts();
}

const EXTRA = [
  "target",
  "choices",
  "scores",
  "metadata",
  "error",
  "limit",
  "sandbox",
  "files",
  "setup",
  "input",
  "store",
  "error_retries",
];

function* readMessages(fields: Fields, notes: LossNotes): Generator<RunPart> {
  const talk = new Conversation(notes.note);
  for (const message of fields.list("messages") ?? []) {
    if (isMessage(message)) talk.add(message, "$.samples[*].messages[*]");
    else notes.note("$.samples[*].messages[*]", "unmapped");
  }
  yield* talk.finish();
  fields.duplicate("output");
}

/** What the log says about all its samples; returns the model it was about, which calls tell in more detail. */
function* readHeader(
  log: LogSource,
  root: Fields,
  key: string,
): Generator<RunPart, ModelDraft | undefined> {
  const evaluation = root.object("eval");
  const revision = evaluation?.object("revision");
  const packages = evaluation?.take("packages");
  const version = root.id("version");
  const model = evaluation?.text("model");
  const plan = root.object("plan");
  const params = plan?.take("config") ?? evaluation?.take("model_generate_config");
  const sandbox = evaluation?.take("sandbox");
  yield { head: { source: { format: "inspect", version, ...log.facts } } };
  yield {
    head: {
      name: evaluation?.text("task"),
      agent: {
        name: "inspect_ai",
        version: isObject(packages) ? String(packages["inspect_ai"] ?? "") : undefined,
      },
      session: {
        id: key,
        group: evaluation?.text("run_id"),
        vcs: {
          type: revision?.text("type"),
          remote: revision?.text("origin"),
          revision: revision?.text("commit"),
          dirty: revision?.boolean("dirty"),
        },
      },
      environment: { tools: isObject(packages) ? texts(packages) : undefined },
      extra: members({
        eval: evaluation?.rest(),
        plan: plan?.rest(),
        sandbox,
        status: root.take("status"),
        error: root.take("error"),
        tags: filled(root.take("tags")),
        metadata: filled(root.take("metadata")),
      }),
      notCaptured: ["tools"],
    },
  };
  // Sums over all samples: each run has its own.
  root.unmapped("results", "stats", "reductions");
  root.close();
  return model === undefined || model === "none/none" ? undefined : { requested: model, params };
}

function filled(value: JsonValue | undefined): JsonValue | undefined {
  const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  return isEmpty ? undefined : value;
}

function texts(value: Members): { readonly [key: string]: string } {
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]));
}

function members(value: { readonly [key: string]: JsonValue | undefined }): JsonValue | undefined {
  const entries = Object.entries(value).filter(
    (entry): entry is [string, JsonValue] => entry[1] !== undefined,
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
