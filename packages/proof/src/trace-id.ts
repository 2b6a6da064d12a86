import { randomBytes } from "node:crypto";
import { CtxPackError } from "@ctxpack/identity";

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;

/** `version-trace-parent-flags`; a version after 00 may say more, after another dash. */
const TRACEPARENT =
  /^(?!ff)(?<version>[0-9a-f]{2})-(?<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?<rest>-.*)?$/;

/** The longest header that is looked at; W3C's of version 00 has 55 characters. */
const MAX_HEADER = 512;

/**
 * The trace that measurements belong to: `given`, else that of a W3C `traceparent` header, else `undefined`. A header
 * that is malformed is as none, as W3C Trace Context (§3.2) says.
 *
 * @throws CtxPackError `CTXPACK_E_USAGE` for a `given` one that is not 32 lower-case hex digits, or all zeros.
 */
export function traceIdOf(given: string | undefined, header?: string): string | undefined {
  if (given === undefined) return header === undefined ? undefined : fromHeader(header);
  if (TRACE_ID.test(given)) return given;
  throw new CtxPackError("CTXPACK_E_USAGE", `"${given.slice(0, 64)}" is no trace id`, {
    hint: "write 32 lower-case hex digits, not all of them 0, as W3C Trace Context does",
  });
}

/** A new one, as W3C Trace Context has it: 16 random bytes in hex. */
export function newTraceId(): string {
  for (;;) {
    const id = randomBytes(16).toString("hex");
    if (TRACE_ID.test(id)) return id;
  }
}

function fromHeader(header: string): string | undefined {
  if (header.length > MAX_HEADER) return undefined;
  const { version, trace, rest } = TRACEPARENT.exec(header)?.groups ?? {};
  return version === "00" && rest !== undefined ? undefined : trace;
}
