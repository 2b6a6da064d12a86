import type { JsonValue } from "@ctxpack/identity";
import type { StepDraft } from "../run/draft.ts";
import type { OtelEvent, OtelSpan } from "./otlp-container.ts";

/** The event by which a span tells how it failed. */
const EXCEPTION = "exception";

/** What the first exception of a span tells, for an error that says less. */
export function exceptionOf(otel: OtelSpan): ReadonlyMap<string, JsonValue> | undefined {
  return otel.events.find(({ name }) => name === EXCEPTION)?.attributes;
}

/**
 * The events of a span that are kept with its step.
 *
 * @param isRead whether what an event tells is told by the step itself.
 * @param error of the step: what it says of an exception is not said again.
 */
export function keptEvents(
  otel: OtelSpan,
  isRead: (event: OtelEvent) => boolean,
  error: StepDraft["error"],
): JsonValue | undefined {
  const kept = otel.events
    .filter((event) => !isRead(event))
    .map((event) => (event.name === EXCEPTION ? withoutError(event, error) : event))
    .filter(({ name, attributes }) => name !== EXCEPTION || attributes.size > 0);
  if (kept.length === 0) return undefined;
  return kept.map(({ name, time, attributes }) => ({
    name,
    ...(time !== undefined && { time }),
    attributes: Object.fromEntries(attributes),
  }));
}

function withoutError(event: OtelEvent, error: StepDraft["error"]): OtelEvent {
  const message = error?.message;
  const text = message !== undefined && "text" in message ? message.text : undefined;
  const told: readonly [string, string | undefined][] = [
    ["exception.type", error?.type],
    ["exception.message", text],
  ];
  const attributes = new Map(event.attributes);
  for (const [key, value] of told) {
    if (value !== undefined && attributes.get(key) === value) attributes.delete(key);
  }
  return { ...event, attributes };
}
