import { CtxPackError } from "@ctxpack/identity";
import { repositoryScope } from "../auth/scope.ts";
import { describeUrl, isSameOrigin } from "./address.ts";
import { parseNextLink } from "./headers.ts";
import type { RegistryResponse } from "./response.ts";
import type { Transport } from "./transport.ts";

const MAX_PAGES = 1000;
/** More than a page of any registry. */
const PAGE_LIMIT = 4 << 20;

/** A list that comes in pages. */
export interface Listing {
  readonly transport: Transport;
  readonly repository: string;
  /** `/v2/…` */
  readonly path: string;
  readonly accept?: string | undefined;
  /** Statuses that end the list: the caller knows what they mean. */
  readonly ends?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One page of a list, parsed; `undefined` when it is no JSON. */
export interface Page {
  readonly status: number;
  readonly headers: RegistryResponse["headers"];
  readonly value: unknown;
}

/**
 * The pages of a list, one after the other as each names the next. Throws CTXPACK_E_PROTOCOL when they lead to
 * another host or list, in a circle, or do not end.
 */
export async function* pages(listing: Listing): AsyncGenerator<Page> {
  const { transport, repository, accept, ends = [], signal } = listing;
  const origin = await transport.origin(signal);
  const first = new URL(listing.path, origin);
  const seen = new Set<string>();
  for (let url: URL | undefined = first; url !== undefined; ) {
    if (seen.has(url.href) || seen.size >= MAX_PAGES) throw endless(first, seen.size);
    seen.add(url.href);
    const request = {
      method: "GET",
      url,
      headers: { accept: accept ?? "application/json" },
      scopes: [repositoryScope(repository, "pull")],
      repository,
      right: "pull",
      expect: [200, ...ends],
      signal,
    } as const;
    const page: Page = await transport.sendFor(request, async (response) => ({
      status: response.status,
      headers: response.headers,
      value: parse(await response.bytes(PAGE_LIMIT)),
    }));
    yield page;
    if (page.status !== 200) return;
    const next: URL | undefined = parseNextLink(page.headers.all("link"), url);
    if (next !== undefined) expectSameList(first, next);
    url = next;
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function expectSameList(first: URL, next: URL): void {
  if (isSameOrigin(first, next) && next.pathname.endsWith(first.pathname.slice("/v2".length)))
    return;
  const url = describeUrl(first);
  throw new CtxPackError(
    "CTXPACK_E_PROTOCOL",
    `${url} says that its next page is at ${describeUrl(next)}`,
    { hint: "a list goes on at the same address; tell the registry's owner", details: { url } },
  );
}

function endless(first: URL, count: number): CtxPackError {
  const url = describeUrl(first);
  return new CtxPackError("CTXPACK_E_PROTOCOL", `${url} does not end: ${count} pages were read`, {
    hint: "its pages lead in a circle, or are too many; tell the registry's owner",
    details: { url },
  });
}
