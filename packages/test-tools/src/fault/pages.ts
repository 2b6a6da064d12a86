import type { Exchange, Headers } from "./exchange.ts";

/** One page of a list and the Link to the next (RFC 8288; distribution-spec, "Listing Tags"). */
export function page<T>(
  exchange: Exchange,
  all: readonly T[],
  keyOf: (entry: T) => string,
): { readonly entries: readonly T[]; readonly headers: Headers } {
  const { pageSize = 100, linkLoop, crossOriginLink } = exchange.faults;
  const { searchParams, pathname } = exchange.url;
  const wanted = searchParams.get("n");
  const size = Math.min(pageSize, wanted === null ? pageSize : Number(wanted));
  const last = searchParams.get("last");
  const rest = last === null ? all : all.filter((entry) => keyOf(entry) > last);
  const entries = rest.slice(0, size);
  const end = entries.at(-1);
  const next = new URLSearchParams(searchParams);
  if (end !== undefined) next.set("last", keyOf(end));
  let target: string | undefined;
  if (linkLoop) target = exchange.record.url;
  else if (crossOriginLink !== undefined) target = `${crossOriginLink}${pathname}?${next}`;
  else if (rest.length > size && size > 0) target = `${pathname}?${next}`;
  return { entries, headers: target === undefined ? {} : { Link: `<${target}>; rel="next"` } };
}
