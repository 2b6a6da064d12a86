import { parsePackManifest } from "@ctxpack/cache/pack";
import type { CtxUri } from "@ctxpack/identity";
import { configBytes } from "../pack-config.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";

/** The config blob of a trace in the store. */
export async function headBytes(
  session: Session,
  uri: CtxUri,
  { signal }: Work,
): Promise<Uint8Array> {
  const store = await session.store(signal);
  const manifest = parsePackManifest((await store.manifest(uri, { signal })).bytes);
  return await configBytes(store.blobs, manifest, signal);
}
