import { CtxPackError } from "@ctxpack/identity";
import type { FoundPack, Pantry } from "./pantry.ts";

/** More segments are known to be refused by some registries (ECR takes 500 layers). */
const MANY_SEGMENTS = 400;

/** What a person should know before a pack is sent to a registry; `undefined` when there is nothing. */
export function warningFor({ manifest }: FoundPack, pantry: Pantry): string | undefined {
  const { length } = manifest.segments;
  const { address } = pantry;
  if (!pantry.remote || length <= MANY_SEGMENTS) return undefined;
  return `the pack has ${length} segments; ${address} may refuse it: some registries (ECR) take at most 500`;
}

/** Says more of a manifest that a registry does not take; any other error comes back as it is. */
export function explainRefusal(error: unknown, pack: FoundPack, address: string): unknown {
  if (!CtxPackError.isInstance(error)) return error;
  const { method, status, url } = error.details;
  const isManifest = method === "PUT" && String(url).includes("/manifests/");
  if (!isManifest || ![400, 405, 415, 422].includes(status as number)) return error;
  const type = pack.manifest.config.mediaType;
  return new CtxPackError(
    "CTXPACK_E_UNSUPPORTED",
    `${address} does not take the pack's manifest: ${error.message}`,
    {
      hint:
        `if it is the config's type that it refuses, allow ${type} there ` +
        "(Quay: ALLOWED_OCI_ARTIFACT_TYPES); a limit on layers is raised by its owner, if at all",
      cause: error,
      details: error.details,
    },
  );
}
