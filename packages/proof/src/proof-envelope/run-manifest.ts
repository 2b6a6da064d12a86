import { CtxPackError, canonicalBytes, digestHex, type JsonValue, sha256 } from "@ctxpack/identity";
import { parseJson } from "@ctxpack/oci";
import { readBounded } from "../file/read-bounded.ts";
import { checkDepth } from "../statement/depth.ts";
import { schemaFault } from "../statement/schema-fault.ts";
import { validateRunManifest } from "./run-manifest.generated.ts";

/** Bytes of a run manifest, at most: 16 MiB. */
const MAX_MANIFEST = 16 << 20;

/** The stages of a run (schemas/run-manifest.v1.json); other members are kept, and are part of what is proved. */
export interface RunManifest {
  readonly manifestId: string;
  readonly runId: string;
  readonly telemetry?: JsonValue;
  readonly stages: readonly RunStage[];
}

/** One stage. */
export interface RunStage {
  readonly key: string;
  readonly title?: string;
  readonly status?: string;
  readonly summary?: string;
  readonly sequence?: number;
  readonly evidence?: readonly StageEvidence[];
}

/** What backs a stage's result. */
export type StageEvidence =
  | {
      readonly type: "file";
      readonly path: string;
      readonly sha256: string;
      readonly lines?: { readonly start: number; readonly end: number };
      readonly description?: string;
    }
  | {
      readonly type: "url";
      readonly href: string;
      readonly snapshot?: { readonly bodySha256: string; readonly retrievedAt: string };
      readonly description?: string;
    }
  | { readonly type: "kernel"; readonly evidenceId: string; readonly description?: string };

/**
 * Reads a run manifest.
 *
 * @throws CtxPackError `CTXPACK_E_PATH_NOT_FOUND`, `CTXPACK_E_PERMISSION`; `CTXPACK_E_CONFIG` for what is no run
 *   manifest: more than 16 MiB, not JSON in UTF-8, a key twice, against the schema, one stage twice.
 */
export async function loadRunManifest(
  path: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<RunManifest> {
  const place = { code: "CTXPACK_E_CONFIG", where: path, path: [] } as const;
  const { code } = place;
  const bytes = await readBounded(path, { most: MAX_MANIFEST, code, signal: options.signal });
  const value = parseJson(bytes, place);
  checkDepth(value, place);
  const fault = schemaFault(validateRunManifest, value) ?? repeated(value as RunManifest);
  if (fault === undefined) return value as RunManifest;
  const { pointer, message } = fault;
  throw new CtxPackError(place.code, `${path}${pointer && `, ${pointer}`}: ${message}`, {
    hint: "it has to be a run manifest: manifestId, runId and stages",
    details: { path, pointer },
  });
}

/**
 * The stage with that key.
 *
 * @throws CtxPackError `CTXPACK_E_NOT_FOUND`, with the keys that there are.
 */
export function findStage(manifest: RunManifest, key: string): RunStage {
  const stage = manifest.stages.find((one) => one.key === key);
  if (stage !== undefined) return stage;
  const known = manifest.stages.slice(0, 20).map((one) => one.key);
  throw new CtxPackError(
    "CTXPACK_E_NOT_FOUND",
    `run manifest ${manifest.manifestId} has no stage ${JSON.stringify(key)}`,
    { hint: `it has ${known.join(", ")}`, details: { stage: key } },
  );
}

/**
 * The SHA-256 of a stage as an envelope has it, in hex: over the canonical JSON of `manifestId` and the stage. The
 * earlier system took JSON indented by two spaces instead, with the members in the order of the file.
 */
export function stageSha256(manifest: RunManifest, stage: RunStage, earlier: boolean): string {
  const value = { manifestId: manifest.manifestId, stage };
  const bytes = earlier
    ? new TextEncoder().encode(JSON.stringify(value, null, 2))
    : canonicalBytes(value as unknown as JsonValue);
  return digestHex(sha256(bytes));
}

function repeated({ stages }: RunManifest): { pointer: string; message: string } | undefined {
  const seen = new Set<string>();
  for (const [index, { key }] of stages.entries()) {
    if (seen.has(key)) return { pointer: `/stages/${index}/key`, message: "a stage twice" };
    seen.add(key);
  }
  return undefined;
}
