import { homedir } from "node:os";
import { join } from "node:path";

/** What decides where trust roots lie. */
export interface TrustDirectoryOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder of the project that is worked in, if there is one. */
  readonly workspace?: string | undefined;
  /** Default: of this process. */
  readonly platform?: NodeJS.Platform | undefined;
}

/**
 * The folder where trust roots are kept: `$CTXPACK_TRUST_DIR`, else `.ctxpack/trust` of the workspace, else beside the
 * store in the user's cache. Nothing in it is believed for lying there, so it may well come with a repository.
 */
export function trustDirectory(options: TrustDirectoryOptions): string {
  const { env, workspace, platform = process.platform } = options;
  if (env["CTXPACK_TRUST_DIR"]) return env["CTXPACK_TRUST_DIR"];
  if (workspace !== undefined) return join(workspace, ".ctxpack", "trust");
  if (env["XDG_CACHE_HOME"]) return join(env["XDG_CACHE_HOME"], "ctxpack-trust");
  const home = env["HOME"] || env["USERPROFILE"] || homedir();
  if (platform === "win32") {
    return join(env["LOCALAPPDATA"] || join(home, "AppData", "Local"), "ctxpack", "Trust");
  }
  if (platform === "darwin") return join(home, "Library", "Caches", "ctxpack-trust");
  return join(home, ".cache", "ctxpack-trust");
}
