import type { JsonValue } from "@ctxpack/identity";
import { numberLiteral } from "../run/number.ts";
import { utcTime, utcTimeOfNanos } from "../run/time.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject } from "../source/log.ts";

/** An event of a span. */
export interface OtelEvent {
  readonly name: string;
  readonly time: string | undefined;
  readonly attributes: Map<string, JsonValue>;
}

/** A span, whatever it was wrapped in. */
export interface OtelSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId: string | undefined;
  readonly name: string;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  readonly isError: boolean;
  readonly message: string | undefined;
  readonly attributes: Map<string, JsonValue>;
  readonly events: readonly OtelEvent[];
  readonly resource: ReadonlyMap<string, JsonValue>;
}

type Members = { readonly [key: string]: JsonValue };

/** The spans of an OTLP/JSON document (`TracesData`). */
export function readOtlp(document: Members, onLoss: OnLoss): OtelSpan[] {
  const root = new Fields(document, "$", onLoss);
  const spans: OtelSpan[] = [];
  for (const group of root.objects("resourceSpans")) {
    const resourceFields = group.object("resource");
    const resource = attributesOf(resourceFields?.take("attributes"));
    takeZero(resourceFields, "droppedAttributesCount");
    const scopes = [
      ...group.objects("scopeSpans"),
      ...group.objects("instrumentationLibrarySpans"),
    ];
    for (const scope of scopes) {
      const named = scope.object("scope") ?? scope.object("instrumentationLibrary");
      for (const span of scope.objects("spans")) {
        const read = readSpan(span, resource);
        const name = named?.peek("name");
        if (typeof name === "string" && name !== "") read.attributes.set("otel.scope.name", name);
        const version = named?.peek("version");
        if (typeof version === "string" && version !== "")
          read.attributes.set("otel.scope.version", version);
        spans.push(read);
      }
      named?.take("name");
      named?.take("version");
    }
  }
  root.close();
  return spans;
}

/**
 * A span on its own: in OTLP's names, or in those that SDKs print and Phoenix exports (`start_time`, and the ids in
 * `context` or beside it).
 */
export function readFlatSpan(value: Members, onLoss: OnLoss): OtelSpan | undefined {
  const fields = new Fields(value, "$", onLoss);
  if (typeof value["spanId"] === "string" && typeof value["traceId"] === "string") {
    const span = readSpan(fields, new Map());
    fields.close();
    return span;
  }
  const isPlain = typeof value["span_id"] === "string" && typeof value["trace_id"] === "string";
  const context = fields.object("context") ?? (isPlain ? fields : undefined);
  if (context === undefined) return undefined;
  const span = readPrinted(fields, context);
  fields.close();
  return span;
}

function readSpan(span: Fields, resource: ReadonlyMap<string, JsonValue>): OtelSpan {
  const status = span.object("status");
  const code = status?.take("code");
  takeZero(span, "droppedAttributesCount", "droppedEventsCount", "droppedLinksCount");
  if (Array.isArray(span.peek("links")) && span.list("links")?.length !== 0) span.unmapped("links");
  const parentId = idOf(span.text("parentSpanId"));
  return {
    traceId: idOf(span.text("traceId")) ?? "",
    id: idOf(span.text("spanId")) ?? "",
    parentId,
    name: span.text("name") ?? "",
    startedAt: nanos(span.take("startTimeUnixNano")),
    endedAt: nanos(span.take("endTimeUnixNano")),
    isError: code === 2 || code === "STATUS_CODE_ERROR" || code === "2",
    message: status?.text("message"),
    attributes: attributesOf(span.take("attributes")),
    events: span.objects("events").map(readEvent),
    resource,
  };
}

function readEvent(event: Fields): OtelEvent {
  const text = event.text("timestamp");
  const time = text === undefined ? nanos(event.take("timeUnixNano")) : utcTime(text);
  takeZero(event, "droppedAttributesCount");
  const attributes = attributesOf(event.take("attributes"));
  return { name: event.text("name") ?? "", time, attributes };
}

/** Counts of what was dropped, where nothing was. */
function takeZero(fields: Fields | undefined, ...keys: readonly string[]): void {
  for (const key of keys) if (fields?.peek(key) === 0) fields.take(key);
}

function readPrinted(span: Fields, context: Fields): OtelSpan {
  const status = span.object("status");
  const code =
    status?.text("status_code") ??
    status?.text("code") ??
    span.text("status_code") ??
    span.text("status");
  if (["", "[]"].includes(String(context.peek("trace_state")))) context.take("trace_state");
  const kind = span.text("span_kind");
  const attributes = attributesOf(span.take("attributes"));
  if (kind !== undefined && !attributes.has("openinference.span.kind")) {
    attributes.set("openinference.span.kind", kind);
  }
  if (Array.isArray(span.peek("links")) && span.list("links")?.length !== 0) span.unmapped("links");
  return {
    traceId: idOf(context.text("trace_id")) ?? "",
    id: idOf(context.text("span_id")) ?? "",
    parentId: idOf(span.text("parent_id") ?? span.text("parent_span_id")),
    name: span.text("name") ?? "",
    startedAt: printedTime(span, "start_time"),
    endedAt: printedTime(span, "end_time"),
    isError: code === "ERROR" || code === "STATUS_CODE_ERROR",
    message: status?.text("description") ?? status?.text("message") ?? span.text("status_message"),
    attributes,
    events: span.objects("events").map(readEvent),
    resource: attributesOf(span.object("resource")?.take("attributes")),
  };
}

function printedTime(span: Fields, key: string): string | undefined {
  const text = span.text(key);
  return text === undefined ? nanos(span.take(`${key}_unix_nano`)) : utcTime(text);
}

/** Hex in lower case; what SDKs print begins with `0x`; base64, as protobuf's JSON has it, becomes hex. */
function idOf(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  const hex = text.replace(/^0x/, "").toLowerCase();
  if (/^[0-9a-f]+$/.test(hex)) return hex;
  const bytes = Buffer.from(text, "base64");
  const isId = (bytes.length === 16 || bytes.length === 8) && bytes.toString("base64") === text;
  return isId ? bytes.toString("hex") : text;
}

/** 64-bit integers are strings in OTLP/JSON; numbers, of any length, occur. */
function nanos(value: JsonValue | undefined): string | undefined {
  if (typeof value === "string") return utcTimeOfNanos(value);
  if (typeof value === "number") return utcTimeOfNanos(String(value));
  const literal = value === undefined ? undefined : numberLiteral(value);
  return literal === undefined ? undefined : utcTimeOfNanos(literal);
}

/** Attributes as OTLP lists them, or as an object: flat, or nested, which is made flat where it holds objects. */
function attributesOf(value: JsonValue | undefined): Map<string, JsonValue> {
  const found = new Map<string, JsonValue>();
  if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) {
      if (isObject(item) && typeof item["key"] === "string") {
        found.set(item["key"], anyValue(item["value"] ?? null));
      }
    }
  } else if (isObject(value)) flatten(value, "", found, 0);
  return found;
}

/** Names that hold objects as values: they end where the conventions end. */
const LEAVES = /(?:^|\.)(?:metadata|invocation_parameters|parameters|json_schema|arguments|value)$/;

function flatten(
  value: Members,
  prefix: string,
  into: Map<string, JsonValue>,
  depth: number,
): void {
  for (const [key, member] of Object.entries(value)) {
    const name = prefix === "" ? key : `${prefix}.${key}`;
    if (depth < 12 && isObject(member) && !LEAVES.test(name))
      flatten(member, name, into, depth + 1);
    else if (depth < 12 && Array.isArray(member) && member.some(isObject)) {
      for (const [index, item] of (member as readonly JsonValue[]).entries()) {
        if (isObject(item)) flatten(item, `${name}.${index}`, into, depth + 1);
        else into.set(`${name}.${index}`, item);
      }
    } else if (member !== null) into.set(name, member);
  }
}

/** OTLP's `AnyValue`. */
function anyValue(value: JsonValue): JsonValue {
  if (!isObject(value)) return value;
  const { stringValue, boolValue, intValue, doubleValue, bytesValue, arrayValue, kvlistValue } =
    value;
  if (stringValue !== undefined) return stringValue;
  if (boolValue !== undefined) return boolValue;
  if (intValue !== undefined) return integer(intValue);
  if (doubleValue !== undefined) return doubleValue;
  if (bytesValue !== undefined) return bytesValue;
  if (isObject(arrayValue)) {
    const values = arrayValue["values"];
    return Array.isArray(values) ? (values as readonly JsonValue[]).map(anyValue) : [];
  }
  if (isObject(kvlistValue)) return Object.fromEntries(attributesOf(kvlistValue["values"]));
  return null;
}

function integer(value: JsonValue): JsonValue {
  if (typeof value !== "string" || !/^-?\d{1,20}$/.test(value)) return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : { $number: value };
}
