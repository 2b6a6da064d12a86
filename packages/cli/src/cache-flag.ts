import type { Access, CacheAccess } from "@ctxpack/client";
import { CommandError } from "./exit.ts";

const ACCESS: readonly Access[] = ["none", "r", "w", "rw"];

/** What `--cache local:rw,remote:r` says; what it leaves out stays as it is. Throws CTXPACK_E_USAGE. */
export function parseCacheFlag(text: string | undefined): CacheAccess | undefined {
  if (text === undefined) return undefined;
  const parts = text.split(",").map((part) => part.split(":"));
  const names = parts.map(([name]) => name);
  for (const [name, access, ...more] of parts) {
    const isPlace = name === "local" || name === "remote";
    const isOnce = names.indexOf(name) === names.lastIndexOf(name);
    if (isPlace && isOnce && more.length === 0 && ACCESS.some((one) => one === access)) continue;
    throw new CommandError(
      "CTXPACK_E_USAGE",
      `--cache is "${text}"`,
      "write local:rw,remote:r; each of them r, w, rw or none",
    );
  }
  return Object.fromEntries(parts) as CacheAccess;
}
