import { failureOf } from "../exit.ts";

/** Bytes of JSON in one answer. */
const MOST_BYTES = 48 * 1024;

/** How much is left of lists and strings, tried in this order until an answer fits. */
const CUTS = [
  { items: 200, letters: 40_000 },
  { items: 50, letters: 4_000 },
  { items: 20, letters: 400 },
  { items: 5, letters: 100 },
] as const;

/** What a tool call is answered with. */
export interface Answer {
  [key: string]: unknown;
  content: { type: "text"; text: string }[];
  structuredContent: Record<string, unknown>;
  isError?: true;
}

/** Whether a value is answered with as it is. */
export function fits(value: object): boolean {
  return bytesOf(value) <= MOST_BYTES;
}

/** Bytes that a value has as JSON in an answer. */
export function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** An answer, cut where it would be too long: `cut` is then true. */
export function answerOf(value: object): Answer {
  const whole = JSON.stringify(value);
  if (Buffer.byteLength(whole) <= MOST_BYTES) return told(whole);
  for (const limits of CUTS) {
    const text = JSON.stringify({ cut: true, ...(shorten(value, limits) as object) });
    if (Buffer.byteLength(text) <= MOST_BYTES) return told(text);
  }
  return told(JSON.stringify({ cut: true, members: Object.keys(value).slice(0, 100) }));
}

/** Anything thrown, as its code, message and hint. */
export function errorAnswer(error: unknown): Answer {
  const { code, message, hint } = failureOf(error);
  const whole = { error: { code, message: clip(message, 4_000), ...(hint && { hint }) } };
  const text = `${code}: ${whole.error.message}${hint ? `\nhint: ${hint}` : ""}`;
  return { content: [{ type: "text", text }], structuredContent: whole, isError: true };
}

function told(text: string): Answer {
  return {
    content: [{ type: "text", text }],
    structuredContent: JSON.parse(text) as Record<string, unknown>,
  };
}

function shorten(value: unknown, limits: (typeof CUTS)[number]): unknown {
  if (typeof value === "string") return clip(value, limits.letters);
  if (Array.isArray(value)) {
    const kept = value.slice(0, limits.items).map((one) => shorten(one, limits));
    const more = value.length - kept.length;
    return more > 0 ? [...kept, `… ${more} more`] : kept;
  }
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value);
  const kept = members
    .slice(0, limits.items)
    .map(([key, one]) => [clip(key, limits.letters), shorten(one, limits)]);
  const more = members.length - kept.length;
  return Object.fromEntries(more > 0 ? [...kept, ["…", `${more} more`]] : kept);
}

/** The beginning of a text, and how many letters are left out. */
export function clip(text: string, letters: number): string {
  return text.length <= letters ? text : `${text.slice(0, letters)}… ${text.length - letters} more`;
}
