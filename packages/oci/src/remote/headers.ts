/** `Content-Range` of a part: offset of the first and last byte, and the whole length if it is known (RFC 9110 §14.4). */
export interface ContentRange {
  readonly first: number;
  readonly last: number;
  readonly size: number | undefined;
}

export function parseContentRange(value: string | undefined): ContentRange | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(value?.trim() ?? "");
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  return { first, last, size: match[3] === "*" ? undefined : Number(match[3]) };
}

/**
 * Bytes an upload session has, as its `Range` says: `0-<last>` (distribution-spec, "Pushing a blob in chunks").
 * `0-0` is both nothing and one byte; it is taken for nothing.
 */
export function parseUploadRange(value: string | undefined): number | undefined {
  const match = /^(?:bytes=)?0-(\d{1,15})$/.exec(value?.trim() ?? "");
  if (match === null) return undefined;
  const last = Number(match[1]);
  return last === 0 ? 0 : last + 1;
}

/** The URL of the next page: `Link: <…>; rel="next"` (RFC 8288), resolved against the page it stands on. */
export function parseNextLink(values: readonly string[], page: URL): URL | undefined {
  for (const value of values) {
    for (const [, target = "", params = ""] of value.matchAll(/<([^<>]*)>((?:[ \t]*;[^,;<]*)*)/g)) {
      if (!/;\s*rel\s*=\s*(?:"[^"]*\bnext\b[^"]*"|next\b)/i.test(params)) continue;
      return URL.parse(target, page.href) ?? undefined;
    }
  }
  return undefined;
}
