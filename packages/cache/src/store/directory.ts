import { homedir } from "node:os";
import { join } from "node:path";

/**
 * The store's folder when nobody names one: `$CTXPACK_CACHE_DIR`, else `$XDG_CACHE_HOME/ctxpack`, else
 * the platform's cache folder.
 */
export function defaultStoreDirectory(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env["CTXPACK_CACHE_DIR"]) return env["CTXPACK_CACHE_DIR"];
  if (env["XDG_CACHE_HOME"]) return join(env["XDG_CACHE_HOME"], "ctxpack");
  const home = env["HOME"] || env["USERPROFILE"] || homedir();
  if (platform === "win32") {
    return join(env["LOCALAPPDATA"] || join(home, "AppData", "Local"), "ctxpack", "Cache");
  }
  if (platform === "darwin") return join(home, "Library", "Caches", "ctxpack");
  return join(home, ".cache", "ctxpack");
}
