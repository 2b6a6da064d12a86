import type { Exchange } from "./exchange.ts";
import { page } from "./pages.ts";
import type { Store } from "./store.ts";

/** GET of the tags of a repository, in code unit order. */
export function handleTags(exchange: Exchange, store: Store, repository: string): void {
  const found = store.find(repository);
  if (exchange.method !== "GET") {
    exchange.error(405, "UNSUPPORTED", "method not allowed");
  } else if (found === undefined) {
    exchange.error(404, "NAME_UNKNOWN", "repository name not known to registry");
  } else {
    const { entries, headers } = page(exchange, [...found.tags.keys()].sort(), (tag) => tag);
    const tags = exchange.faults.nullTags && entries.length === 0 ? null : entries;
    exchange.json(200, { name: repository, tags }, headers);
  }
}
