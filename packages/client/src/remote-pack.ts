import type { Accepted } from "@ctxpack/cache";
import { IndexReader, LIMITS } from "@ctxpack/cache/pack";
import { CtxPackError } from "@ctxpack/identity";
import { fetchBytes } from "@ctxpack/oci";
import { configBytes, type PackConfig, parseConfig } from "./pack-config.ts";
import type { FoundPack } from "./pantry.ts";
import type { Session } from "./session.ts";

/** What a pack in a pantry says of itself, read without its data. */
export interface RemoteDescription {
  readonly config: PackConfig;
  readonly index: IndexReader;
}

/** The policy's gate, for a pack in a pantry. Nothing but the manifest has been read before. */
export async function acceptFound(
  session: Session,
  found: FoundPack,
  signal: AbortSignal,
): Promise<Accepted | undefined> {
  return await session.gate?.judge(found, signal);
}

/** Reads config and index of a pack in a pantry, after the policy has let it in. */
export async function describeRemote(
  session: Session,
  found: FoundPack,
  signal: AbortSignal,
): Promise<RemoteDescription> {
  const accepted = await acceptFound(session, found, signal);
  const bytes = await configBytes(found.source, found.manifest, signal);
  accepted?.config?.(bytes);
  return await describe(found, bytes, signal);
}

/** Reads config and index of a pack that needs no policy: one of our own. */
export async function describeFound(
  found: FoundPack,
  signal: AbortSignal,
): Promise<RemoteDescription> {
  return await describe(found, await configBytes(found.source, found.manifest, signal), signal);
}

async function describe(
  found: FoundPack,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<RemoteDescription> {
  const config = await parseConfig(found.manifest.kind, bytes);
  const { index } = found.manifest;
  const frame = await fetchBytes(found.source, index, { maxBytes: LIMITS.index, signal });
  const reader = IndexReader.fromFrame(frame);
  if (reader.tree !== found.manifest.tree) {
    throw new CtxPackError(
      "CTXPACK_E_PACK",
      `${found.address}: the index of ${found.uri} is of the tree ${reader.tree}, its manifest says ${found.manifest.tree}`,
      { details: { uri: found.uri, expected: found.manifest.tree, found: reader.tree } },
    );
  }
  return { config, index: reader };
}
