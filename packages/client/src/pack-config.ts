import { LIMITS, type PackKind, type PackManifest } from "@ctxpack/cache/pack";
import {
  CtxPackError,
  type CtxUri,
  parseResolvedContract,
  type ResolvedContract,
} from "@ctxpack/identity";
import { fetchBytes, type ReadOnlyStorage } from "@ctxpack/oci";
import type { RunHead } from "@ctxpack/trace";

/** What a pack is of: a contract, or an agent's run. */
export type PackConfig =
  | { readonly kind: "contract"; readonly contract: ResolvedContract; readonly run?: undefined }
  | { readonly kind: "trace"; readonly contract?: undefined; readonly run: RunHead };

/** The bytes of a pack's config blob, whose digest is its URI. */
export async function configBytes(
  source: ReadOnlyStorage,
  manifest: Pick<PackManifest, "config">,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return await fetchBytes(source, manifest.config, { maxBytes: LIMITS.config, signal });
}

/** What a pack is of, from its config blob. Throws CTXPACK_E_CONTRACT or CTXPACK_E_PACK for what is neither. */
export async function readConfig(
  source: ReadOnlyStorage,
  manifest: PackManifest,
  signal: AbortSignal,
): Promise<PackConfig> {
  return await parseConfig(manifest.kind, await configBytes(source, manifest, signal));
}

/** As `readConfig`, of bytes that are here. */
export async function parseConfig(kind: PackKind, bytes: Uint8Array): Promise<PackConfig> {
  if (kind === "contract") return { kind, contract: parseResolvedContract(bytes) };
  return { kind, run: await readRunHead(bytes) };
}

/** The contract, if that is what the pack is of. Throws CTXPACK_E_UNSUPPORTED for the trace of a run. */
export function requireContract(config: PackConfig, uri: CtxUri): ResolvedContract {
  if (config.kind === "contract") return config.contract;
  throw new CtxPackError(
    "CTXPACK_E_UNSUPPORTED",
    `${uri} is the trace of a run: it has no contract`,
    {
      hint: "ctxpack trace show and trace diff are for traces",
      details: { uri },
    },
  );
}

/** The head of a run. Throws CTXPACK_E_PACK. */
export async function readRunHead(bytes: Uint8Array): Promise<RunHead> {
  const { parseRunHead } = await import("@ctxpack/trace");
  return parseRunHead(bytes);
}
