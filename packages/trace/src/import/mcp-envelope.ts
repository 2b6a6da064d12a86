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

/** Names of which way it went. */
const DIRECTIONS = ["direction", "dir"];

/** Members of envelopes that say what the message itself says, or its place in the log. */
const ENVELOPE = ["type", "seq"];

/** What a value of a transcript holds. */
export interface Unwrapped {
  /** None for anything else than JSON-RPC. */
  readonly messages: readonly Members[];
  readonly startedAt: string | undefined;
  /** Which way it went, in the recorder's words. */
  readonly direction: string | undefined;
  /** Notes that no step has the time. */
  loseTime(): void;
  /** Notes that no step has the direction, for what the message is tells who sent it. */
  loseDirection(): void;
}

/** Of a message that stands alone. */
export const UNTOLD: Omit<Unwrapped, "messages"> = {
  startedAt: undefined,
  direction: undefined,
  loseTime: () => undefined,
  loseDirection: () => undefined,
};

/**
 * The JSON-RPC messages of a value of a transcript: itself, or what is in the envelope that a logger or a recorder put
 * around it, which may be a question with its answer.
 */
export function unwrap(value: Members, onLoss: OnLoss): Unwrapped {
  if (value["jsonrpc"] === "2.0") return { ...UNTOLD, messages: [value] };
  const one = WRAPPED.find((key) => isRpc(value[key]));
  const keys = one === undefined ? PAIR.filter((key) => isRpc(value[key])) : [one];
  if (keys.length === 0) return { ...UNTOLD, messages: [] };
  const fields = new Fields(value, "$", onLoss);
  const messages = keys.map((key) => fields.take(key)).filter(isRpc);
  const time = TIMES.find((name) => fields.take(name) !== undefined);
  const startedAt = time === undefined ? undefined : timeOf(value[time]);
  if (time !== undefined && startedAt === undefined) fields.changed(time);
  const way = DIRECTIONS.find((name) => fields.text(name) !== undefined);
  const direction = way === undefined ? undefined : fields.text(way);
  fields.duplicate(...ENVELOPE);
  fields.close();
  return {
    messages,
    startedAt,
    direction,
    loseTime: () => {
      if (startedAt !== undefined && time !== undefined) fields.unmapped(time);
    },
    loseDirection: () => {
      if (way !== undefined) fields.duplicate(way);
    },
  };
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
