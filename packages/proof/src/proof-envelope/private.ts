import { CtxPackError, canonicalize, findSecrets, type JsonValue } from "@ctxpack/identity";
import type { ProofEnvelopeInput } from "./input.ts";

/**
 * Refuses an envelope that would publish what looks like a secret, by the rules of contracts: names of members, shapes
 * of texts.
 *
 * @throws CtxPackError `CTXPACK_E_SECRET`, naming the place and never the value; `CTXPACK_E_USAGE` for what is no JSON.
 */
export function refusePrivate(
  input: Pick<ProofEnvelopeInput, "publicContext" | "runtime" | "evidence">,
): void {
  const evidence = (input.evidence ?? []).map((one) => ({ ...one }));
  const parts = [
    ["/context/public", input.publicContext],
    ["/runtime/parameters", input.runtime.parameters ?? {}],
    ["/runtime/tooling", input.runtime.tooling ?? {}],
    ["/evidence", { list: JSON.parse(JSON.stringify(evidence)) as JsonValue }],
  ] as const;
  for (const [name, value] of parts) requireJson(name, value);
  const transforms = parts.map(([tool, params]) => ({ tool, params }));
  const [found] = findSecrets({ schema: "ctxpack.contract/v1", inputs: [], transforms });
  if (found === undefined) return;
  const pointer = found.pointer.replace(/^\/transforms\/(\d)\/params(?:\/list)?/, (_, index) => {
    return parts[Number(index)]?.[0] ?? "";
  });
  throw new CtxPackError("CTXPACK_E_SECRET", `proof envelope${pointer}: looks like ${found.kind}`, {
    hint: "an envelope is for everybody: leave it out, or refer to it with sealedContextRef",
    details: { pointer, kind: found.kind },
  });
}

function requireJson(name: string, value: JsonValue): void {
  try {
    canonicalize(value);
  } catch (cause) {
    const { message } = cause as Error;
    throw new CtxPackError("CTXPACK_E_USAGE", `proof envelope${name}: ${message}`, { cause });
  }
}
