import {
  CtxPackError,
  canonicalize,
  type Digest,
  isDigest,
  type JsonValue,
  parseResolvedContract,
} from "@ctxpack/identity";
import { type IndexReader, LIMITS, type PackKind } from "../pack/index.ts";

const RUN_SCHEMA = "ctxpack.run/v1";
const STEPS = "steps.ndjson";

/** The config of a pack: its bytes, whose digest is the URI, and what of them the store has to know. */
export interface PackConfig {
  readonly kind: PackKind;
  readonly bytes: Uint8Array;
  /** Of a trace: the digest that the run head gives for its steps. */
  readonly steps?: Digest;
}

/**
 * Reads the config of a pack that is to be made. A run head is read as far as the store needs it; whoever packs runs
 * has checked the rest.
 *
 * @throws CtxPackError `CTXPACK_E_CONTRACT` for bytes that are neither a resolved contract nor a run head.
 */
export function packConfig(bytes: Uint8Array): PackConfig {
  const run = readRunHead(bytes);
  if (run !== undefined) return { kind: "trace", bytes, steps: run };
  parseResolvedContract(bytes);
  return { kind: "contract", bytes };
}

/**
 * The config of a pack that comes in, which has to be what its manifest says it is.
 *
 * @throws CtxPackError `CTXPACK_E_PACK`.
 */
export function arrivingConfig(kind: PackKind, bytes: Uint8Array, name: string): PackConfig {
  const what = kind === "trace" ? "run head" : "resolved contract";
  try {
    const config = packConfig(bytes);
    if (config.kind === kind) return config;
  } catch (cause) {
    throw new CtxPackError("CTXPACK_E_PACK", `the config of ${name} is no ${what}`, { cause });
  }
  throw new CtxPackError("CTXPACK_E_PACK", `the config of ${name} is no ${what}`);
}

/**
 * A trace holds the steps that its head gives the digest of: the URI vouches for them.
 *
 * @throws CtxPackError `CTXPACK_E_PACK`.
 */
export function expectSteps({ steps }: PackConfig, index: IndexReader, name: string): void {
  if (steps === undefined) return;
  const digest = index.findFile(STEPS)?.digest;
  if (digest === steps) return;
  throw new CtxPackError(
    "CTXPACK_E_PACK",
    `${name}: ${STEPS} is ${digest ?? "not in it"}, its run head says ${steps}`,
    { details: { expected: steps, ...(digest && { found: digest }) } },
  );
}

/** The digest of a run's steps; `undefined` when the bytes are no canonical run head. */
function readRunHead(bytes: Uint8Array): Digest | undefined {
  if (bytes.length > LIMITS.config) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const head = JSON.parse(text) as { schema?: unknown; steps?: { digest?: unknown } } | null;
    if (head?.schema !== RUN_SCHEMA || !isDigest(head.steps?.digest)) return undefined;
    return canonicalize(head as JsonValue) === text ? head.steps.digest : undefined;
  } catch {
    return undefined;
  }
}
