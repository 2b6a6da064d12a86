import { CtxPackError } from "@ctxpack/identity";
import { isDamage } from "./damage.ts";
import type { FoundPack } from "./pantry.ts";
import type { Session } from "./session.ts";

/**
 * The error of a copy that failed because the store's own blob does not hold what it should: CTXPACK_E_STORE_DAMAGED. Any
 * other error comes back as it is.
 */
export async function blameStore(
  error: unknown,
  { source, uri, descriptor, manifest }: FoundPack,
  session: Session,
  signal: AbortSignal,
): Promise<unknown> {
  if (signal.aborted || !isDamage(error)) return error;
  const { config, index, segments } = manifest;
  const all = [descriptor, config, index, ...segments];
  const blob = all.find(({ digest }) => digest === error.details["digest"]);
  const store = await session.store(signal);
  if (blob === undefined || source !== store.blobs) return error;
  try {
    for await (const _ of store.blobs.fetch(blob, { signal }));
    return error;
  } catch (found) {
    if (!isDamage(found)) return error;
    return new CtxPackError(
      "CTXPACK_E_STORE_DAMAGED",
      `${uri}: the store's blob ${blob.digest} is damaged: ${found.message}`,
      {
        hint: "ctxpack fsck --repair puts it aside and gets it again, if somebody has it; then push once more",
        cause: error,
        details: { uri, digest: blob.digest },
      },
    );
  }
}
