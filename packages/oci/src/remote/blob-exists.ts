import { CtxPackError } from "@ctxpack/identity";
import { repositoryScope } from "../auth/scope.ts";
import type { Descriptor } from "../descriptor.ts";
import { parseContentRange } from "./headers.ts";
import { statusOf } from "./registry-error.ts";
import type { RegistryResponse } from "./response.ts";
import type { Transport } from "./transport.ts";

/**
 * Whether a repository has a blob, of that size as far as it says. Some storages that registries send us to sign
 * for reading only and refuse a HEAD: there one byte is read.
 */
export async function blobExists(
  transport: Transport,
  repository: string,
  d: Descriptor,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const ask = async (
    method: "HEAD" | "GET",
    headers: Readonly<Record<string, string>>,
  ): Promise<Pick<RegistryResponse, "status" | "headers">> => {
    const response = await transport.send({
      method,
      url: `/v2/${repository}/blobs/${d.digest}`,
      headers,
      scopes: [repositoryScope(repository, "pull")],
      repository,
      right: "pull",
      expect: method === "HEAD" ? [200, 404] : [200, 206, 404],
      signal,
    });
    if (method === "HEAD" || response.status !== 200) await response.discard();
    else response.close();
    return response;
  };
  let found: Pick<RegistryResponse, "status" | "headers">;
  try {
    found = await ask("HEAD", {});
  } catch (error) {
    if (!refusesHead(error) || d.size === 0) throw error;
    found = await ask("GET", { range: "bytes=0-0" });
  }
  if (found.status === 404) return false;
  const size =
    found.status === 206
      ? parseContentRange(found.headers.get("content-range"))?.size
      : found.headers.contentLength;
  if (size === undefined || size === d.size) return true;
  throw new CtxPackError(
    "CTXPACK_E_SIZE_MISMATCH",
    `${transport.host}/${repository}: blob ${d.digest} has ${size} bytes there, expected ${d.size}`,
    { details: { digest: d.digest, expected: d.size, found: size } },
  );
}

/** Said by where we were sent, not by the registry. */
function refusesHead(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== 401 && status !== 403 && status !== 405) return false;
  return CtxPackError.isInstance(error) && (error.details["foreign"] === true || status === 405);
}
