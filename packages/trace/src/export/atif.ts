import { canonicalize, type JsonValue } from "@ctxpack/identity";
import { joinKept, KEPT } from "../import/atif-kept.ts";
import type { RunFileRef, RunHead } from "../run/head.ts";
import { sourceText } from "../run/number.ts";
import type { Run } from "../run/read.ts";
import { AtifContents, isMembers } from "./atif-content.ts";
import { AtifStepWriter } from "./atif-steps.ts";

type Members = Record<string, JsonValue>;

/** How a run is exported. */
export interface ExportOptions {
  readonly signal?: AbortSignal | undefined;
}

/** The version that is written for runs that were not read from ATIF. */
const VERSION = "ATIF-v1.7";

/**
 * A run as an ATIF trajectory, as pieces of one JSON text. An answer of a model and the calls it asked for are one step.
 * Steps that ATIF has no source for are steps of `system`. What ATIF has no place for is in `extra`, as `ctxpack`: in
 * that of a step or call its other members, in that of the trajectory the parts of the run's head.
 */
export async function* exportAtif(run: Run, options: ExportOptions = {}): AsyncGenerator<string> {
  const { head } = run;
  const contents = new AtifContents(run, options.signal);
  const extra = head.extra === undefined ? undefined : await contents.value(head.extra);
  // Of a trajectory that says all there is, the members of its own extra go back to where they were.
  const own = isPlain(head) && isOwnExtra(extra) ? extra : undefined;
  yield `${sourceText(await opening(head, own?.["agent"], contents)).slice(0, -1)},"steps":[`;
  const writer = new AtifStepWriter(head, own === undefined, contents);
  for (const content of head.system) await writer.system(content);
  yield* writer.take();
  for await (const step of run.steps(options)) {
    await writer.add(step);
    yield* writer.take();
  }
  yield* writer.finish();
  const close: Members = { final_metrics: own?.["final_metrics"] ?? metricsOf(head) };
  if (head.note !== undefined) close["notes"] = head.note;
  const more = own === undefined ? undefined : joinKept(own["extra"], {});
  if (more !== undefined) close["extra"] = more;
  if (own !== undefined) {
    yield `],${sourceText(close).slice(1)}\n`;
    return;
  }
  yield `],${sourceText(close).slice(1, -1)},"extra":{${JSON.stringify(KEPT)}:{"parts":[`;
  let separator = "";
  for await (const part of headParts(head, extra, contents)) {
    yield `${separator}${sourceText(part)}`;
    separator = ",";
  }
  yield "]}}}\n";
}

async function opening(
  head: RunHead,
  extra: JsonValue | undefined,
  contents: AtifContents,
): Promise<Members> {
  const { session, source } = head;
  const version = source.format === "atif" ? (source.version ?? VERSION) : VERSION;
  // A trajectory has to have a session: that of a run without one is called by what happened in it.
  const id = session?.group ?? session?.id ?? head.steps.digest;
  const open: Members = { schema_version: version, session_id: id };
  if (session?.id !== undefined && session.id !== id) open["trajectory_id"] = session.id;
  if (session?.parent !== undefined) open["continued_trajectory_ref"] = session.parent;
  open["agent"] = await agentOf(head, extra, contents);
  return open;
}

async function agentOf(
  { agent, models, tools }: RunHead,
  extra: JsonValue | undefined,
  contents: AtifContents,
): Promise<Members> {
  const members: Members = { name: agent?.name ?? "unknown", version: agent?.version ?? "unknown" };
  const model = models[0]?.requested ?? models[0]?.served;
  if (model !== undefined) members["model_name"] = model;
  const definitions: JsonValue[] = [];
  for (const { name, description, schema } of tools) {
    const definition: Members = { name };
    if (description !== undefined)
      definition["description"] = (await contents.text(description)).text;
    if (schema !== undefined) definition["parameters"] = await contents.value(schema);
    definitions.push({ type: "function", function: definition });
  }
  if (definitions.length > 0) members["tool_definitions"] = definitions;
  if (extra !== undefined) members["extra"] = extra;
  return members;
}

function metricsOf({ totals: { usage, steps } }: RunHead): Members {
  const members: Members = {};
  if (usage?.input !== undefined) members["total_prompt_tokens"] = usage.input;
  if (usage?.output !== undefined) members["total_completion_tokens"] = usage.output;
  if (usage?.cacheRead !== undefined) members["total_cached_tokens"] = usage.cacheRead;
  if (usage?.cost !== undefined) members["total_cost_usd"] = usage.cost;
  members["total_steps"] = Object.values(steps).reduce((sum, count) => sum + count, 0);
  return members;
}

/** Whether a trajectory's own members say all that is known of a run. */
function isPlain(head: RunHead): boolean {
  const { source, agent, session, models, tools, system, notCaptured } = head;
  const onlyHas = (value: object | undefined, ...keys: string[]) =>
    canonicalize(Object.keys(value ?? {}).sort()) === canonicalize(keys);
  const isModel = models.every((model) => onlyHas(model, "requested"));
  const isTool = tools.every(
    ({ version, server, annotations, description }) =>
      [version, server, annotations].every((member) => member === undefined) &&
      (description === undefined || "text" in description || "digest" in description),
  );
  const missing = tools.length === 0 ? ["environment", "tools"] : ["environment"];
  return (
    source.format === "atif" &&
    onlyHas(agent, "name", "version") &&
    session?.id !== undefined &&
    session.group !== undefined &&
    session.cwd === undefined &&
    session.vcs === undefined &&
    models.length <= 1 &&
    isModel &&
    isTool &&
    system.every((content) => "text" in content || "digest" in content) &&
    canonicalize([...notCaptured]) === canonicalize(missing) &&
    [head.name, head.environment, head.parents].every((member) => member === undefined) &&
    head.inputs.length + head.outputs.length === 0
  );
}

/** Whether an extra is what the importer gathers from a trajectory. */
function isOwnExtra(extra: JsonValue | undefined): extra is { readonly [key: string]: JsonValue } {
  if (!isMembers(extra) || extra["final_metrics"] === undefined) return false;
  const { agent: _, final_metrics: __, extra: inner, ...others } = extra;
  return Object.keys(others).length === 0 && (inner === undefined || isMembers(inner));
}

/** All that is known of a run, in the form of a recording. */
async function* headParts(
  head: RunHead,
  extra: JsonValue | undefined,
  contents: AtifContents,
): AsyncGenerator<JsonValue> {
  const { name, agent, session, environment, notCaptured, parents, note } = head;
  const facts = { name, agent, session, environment, notCaptured, parents, note, extra };
  const told = Object.entries(facts).filter(([, value]) => value !== undefined);
  yield { head: Object.fromEntries(told) as unknown as Members };
  for (const { params, ...model } of head.models) {
    yield { model: { ...model, ...(params && { params: await contents.value(params) }) } };
  }
  for (const content of head.system) yield { system: await contents.whole(content) };
  for (const { description, schema, ...tool } of head.tools) {
    yield {
      tool: {
        ...tool,
        ...(description && { description: await contents.whole(description) }),
        ...(schema && { schema: await contents.value(schema) }),
      },
    };
  }
  for (const file of head.inputs) yield { input: await fileOf(file, contents) };
  for (const file of head.outputs) yield { output: await fileOf(file, contents) };
}

async function fileOf(
  { digest, size, ...file }: RunFileRef,
  contents: AtifContents,
): Promise<JsonValue> {
  if (digest === undefined || size === undefined) return { ...file };
  const mediaType = file.mediaType ?? "application/octet-stream";
  return { ...file, content: await contents.whole({ digest, size, mediaType }) };
}
