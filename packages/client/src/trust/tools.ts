import type { PackKind } from "@ctxpack/cache/pack";
import { CtxPackError, parseResolvedContract } from "@ctxpack/identity";

/**
 * The tools that made a pack, as its config says. A run has none in the sense of a policy: who asks for certain ones does
 * not get runs. Throws CTXPACK_E_PACK for the trace of a run whose config is none.
 */
export function toolsOf(kind: PackKind, config: Uint8Array): string[] {
  if (kind === "contract") return parseResolvedContract(config).transforms.map(({ tool }) => tool);
  // A contract by the name of a run would be judged without its tools.
  if (schemaOf(config) === "ctxpack.run/v1") return [];
  throw new CtxPackError("CTXPACK_E_PACK", "the config of the trace is no run head");
}

function schemaOf(config: Uint8Array): unknown {
  try {
    const head = JSON.parse(new TextDecoder().decode(config)) as {
      readonly schema?: unknown;
    } | null;
    return head?.schema;
  } catch {
    return undefined;
  }
}
