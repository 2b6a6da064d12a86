import { readFileSync } from "node:fs";

/** The version of CtxPack: all its packages share one. */
export function ownVersion(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
