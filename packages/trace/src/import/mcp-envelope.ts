import type { JsonValue } from "@ctxpack/identity";
import { utcTime, utcTimeOfSeconds } from "../run/time.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject } from "../source/log.ts";

type Members = { readonly [key: string]: JsonValue };

/** Names under which loggers put the message into an envelope. */
const WRAPPED = ["message", "msg", "data", "payload", "frame", "body", "raw"];

/** A recorder's envelope of a question with its answer has them under these names. */
const PAIR = ["request", "response"];

/** Names of when it was said. */
const TIMES = ["timestamp", "ts", "time", "t"];

/** Members of envelopes beside the message and its time. */
const ENVELOPE = ["direction", "dir", "type", "seq"];

/**
 * The JSON-RPC messages of a value of a transcript: itself, or what is in the envelope that a logger or a recorder put
 * around it, which may be a question with its answer. None for anything else.
 */
export function unwrap(
  value: Members,
  onLoss: OnLoss,
): { messages: readonly Members[]; startedAt: string | undefined } {
  if (value["jsonrpc"] === "2.0") return { messages: [value], startedAt: undefined };
  const one = WRAPPED.find((key) => isRpc(value[key]));
  const keys = one === undefined ? PAIR.filter((key) => isRpc(value[key])) : [one];
  if (keys.length === 0) return { messages: [], startedAt: undefined };
  const fields = new Fields(value, "$", onLoss);
  const messages = keys.map((key) => fields.take(key)).filter(isRpc);
  const key = TIMES.find((name) => fields.take(name) !== undefined);
  const startedAt = key === undefined ? undefined : timeOf(value[key]);
  if (key !== undefined && startedAt === undefined) fields.changed(key);
  for (const name of ENVELOPE) fields.take(name);
  fields.close();
  return { messages, startedAt };
}

function isRpc(value: JsonValue | undefined): value is Members {
  return isObject(value) && value["jsonrpc"] === "2.0";
}

function timeOf(time: JsonValue | undefined): string | undefined {
  if (typeof time === "string") return utcTime(time);
  // Less than that many seconds is no date but a clock that began with the recording.
  if (typeof time !== "number" || time < 1e8) return undefined;
  return utcTimeOfSeconds(time > 1e11 ? time / 1000 : time);
}
