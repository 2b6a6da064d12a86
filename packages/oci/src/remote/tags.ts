import { CtxPackError } from "@ctxpack/identity";
import { pages } from "./pages.ts";
import type { Transport } from "./transport.ts";

/** Asked for in one page; ECR takes no more. */
const PAGE_SIZE = 1000;
const MAX_TAGS = 1_000_000;

/**
 * The tags of a repository (distribution-spec, "Listing Tags"), each once. Throws CTXPACK_E_NOT_FOUND for a
 * repository that does not exist, CTXPACK_E_PROTOCOL for what is no list of tags.
 */
export async function* listTags(
  transport: Transport,
  repository: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const path = `/v2/${repository}/tags/list?n=${PAGE_SIZE}`;
  const seen = new Set<string>();
  for await (const page of pages({ transport, repository, path, signal })) {
    const tags = (page.value as { tags?: unknown } | null | undefined)?.tags;
    // Some say null where there are none.
    if (tags === null) continue;
    if (!Array.isArray(tags) || seen.size > MAX_TAGS) throw noList(transport.host, repository);
    for (const tag of tags) {
      if (typeof tag !== "string") throw noList(transport.host, repository);
      if (seen.has(tag)) continue;
      seen.add(tag);
      yield tag;
    }
  }
}

function noList(host: string, repository: string): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_PROTOCOL",
    `${host}/${repository}: the registry answers with something that is no list of tags`,
  );
}
