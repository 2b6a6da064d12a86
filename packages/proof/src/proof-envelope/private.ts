import { CtxPackError, canonicalize, findSecrets, type JsonValue } from "@ctxpack/identity";
import type { ProofEnvelope } from "./envelope.ts";

/** The parts of an envelope that somebody wrote. */
export type WrittenParts = Pick<ProofEnvelope, "actor" | "runtime"> & {
  readonly policyReceipts?: readonly object[] | undefined;
  readonly publicContext: object;
  readonly evidence: readonly object[];
};

/**
 * Refuses an envelope that would publish what looks like a secret, by the rules of contracts: names of members, shapes
 * of texts.
 *
 * @param allow JSON pointers into the envelope of what only looks like one.
 * @throws CtxPackError `CTXPACK_E_SECRET`, naming the place and never the value; `CTXPACK_E_USAGE` for what is no JSON.
 */
export function refusePrivate(parts: WrittenParts, allow: readonly string[] = []): void {
  const places = [
    ["/context/public", parts.publicContext],
    ["/runtime", parts.runtime],
    ["/actor", parts.actor],
    ["/policyReceipts", parts.policyReceipts ?? []],
    ["/evidence", parts.evidence],
  ] as const;
  const transforms = places.map(([tool, value]) => ({ tool, params: { part: json(tool, value) } }));
  const found = findSecrets({ schema: "ctxpack.contract/v1", inputs: [], transforms })
    .map(({ kind, pointer }) => ({ kind, pointer: inEnvelope(pointer, places) }))
    .find(({ pointer }) => !allow.includes(pointer));
  if (found === undefined) return;
  const { kind, pointer } = found;
  throw new CtxPackError("CTXPACK_E_SECRET", `proof envelope${pointer}: looks like ${kind}`, {
    hint: `an envelope is for everybody: leave it out, refer to it with a sealed reference, or allow ${pointer}`,
    details: { pointer, kind },
  });
}

function inEnvelope(pointer: string, places: readonly (readonly [string, object])[]): string {
  return pointer.replace(
    /^\/transforms\/(\d)\/params\/part/,
    (_, index) => places[Number(index)]?.[0] ?? "",
  );
}

/** The value as JSON has it: members that are undefined are none. */
function json(name: string, value: object): JsonValue {
  try {
    canonicalize(defined(value));
  } catch (cause) {
    const { message } = cause as Error;
    throw new CtxPackError("CTXPACK_E_USAGE", `proof envelope${name}: ${message}`, { cause });
  }
  return defined(value);
}

/** Without members that are undefined, down to those of the items of a list. */
function defined(value: object): JsonValue {
  if (Array.isArray(value)) return value.map((item: object) => defined(item));
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as JsonValue;
}
