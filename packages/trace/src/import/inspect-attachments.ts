import { CtxPackError, type JsonValue } from "@ctxpack/identity";
import { isObject, type LogSource, MAX_DOCUMENT } from "../source/log.ts";

type Members = { readonly [key: string]: JsonValue };

/**
 * A sample with what it refers to put in place: texts that stand once in `attachments` (`attachment://…`) or
 * `transcript.content` (`tc://…`), and messages of a shared list (`input_refs`). Many short references to a long text
 * may not grow beyond what a log may be.
 *
 * @throws CtxPackError `CTXPACK_E_TOO_LARGE` when they do.
 */
export function resolveAttachments(sample: Members, log: LogSource): Members {
  const { attachments, transcript, events_data: shared } = sample;
  const texts = new Map<string, JsonValue>();
  add(texts, "attachment://", attachments);
  if (isObject(transcript)) add(texts, "tc://", transcript["content"]);
  const messages =
    isObject(shared) && Array.isArray(shared["messages"])
      ? (shared["messages"] as readonly JsonValue[])
      : undefined;
  if (texts.size === 0 && messages === undefined) return sample;
  let left = MAX_DOCUMENT;
  const spend = (size: number) => {
    left -= size;
    if (left >= 0) return;
    throw new CtxPackError(
      "CTXPACK_E_TOO_LARGE",
      `${log.options.file}: its attachments are referred to too often`,
    );
  };
  const resolve = (value: JsonValue): JsonValue => {
    if (typeof value === "string") {
      const text = value.length < 256 ? texts.get(value) : undefined;
      if (typeof text === "string") spend(text.length);
      return text ?? value;
    }
    if (Array.isArray(value)) return (value as readonly JsonValue[]).map(resolve);
    if (!isObject(value)) return value;
    const { input_refs: refs, ...others } = value;
    const entries = Object.entries(others).map(([key, member]): [string, JsonValue] => [
      key,
      resolve(member),
    ]);
    if (refs === undefined) return Object.fromEntries(entries);
    if (messages === undefined) return Object.fromEntries([...entries, ["input_refs", refs]]);
    const input = rangesOf(refs).flatMap(([from, to]) => messages.slice(from, to));
    spend(input.length * 64);
    return Object.fromEntries([...entries, ["input", input.map(resolve)]]);
  };
  const { attachments: _, ...rest } = sample;
  const resolved = resolve(rest);
  return isObject(resolved) ? resolved : sample;
}

function add(texts: Map<string, JsonValue>, scheme: string, from: JsonValue | undefined): void {
  if (!isObject(from)) return;
  for (const [hash, text] of Object.entries(from)) texts.set(`${scheme}${hash}`, text);
}

function rangesOf(refs: JsonValue): [number, number][] {
  if (!Array.isArray(refs)) return [];
  return (refs as readonly JsonValue[]).flatMap((ref): [number, number][] => {
    if (!Array.isArray(ref)) return [];
    const [from, to] = ref as readonly JsonValue[];
    return Number.isInteger(from) && Number.isInteger(to) ? [[from as number, to as number]] : [];
  });
}
