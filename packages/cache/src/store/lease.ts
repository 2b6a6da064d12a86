import type { CtxUri } from "@ctxpack/identity";
import type { Parts } from "./parts.ts";

/** A pack's record says when it was used right to the hour; twice in that time it is looked after. */
const RENEWAL_MS = 30 * 60_000;

/**
 * Keeps a pack from being collected until it is disposed: its record says that it is in use, and goes on saying so.
 * What lies only in the record's time ends with the process, however that ends. Read the record after it: one that was
 * read before may have been collected meanwhile.
 */
export function lease(parts: Parts, uri: CtxUri): Disposable {
  parts.records.touch(uri);
  const renewal = setInterval(() => parts.records.touch(uri), RENEWAL_MS);
  renewal.unref();
  return { [Symbol.dispose]: () => clearInterval(renewal) };
}
