import { formatTable } from "../format.ts";

/** Variables that are looked at, and what for. */
export const VARIABLES: Readonly<Record<string, string>> = {
  CTXPACK_CACHE_DIR: "where the store lies; default ctxpack in XDG_CACHE_HOME or ~/.cache",
  CTXPACK_REGISTRY: "the pantry, in place of configured ones",
  CTXPACK_OFFLINE: "1: no registry is asked",
  CTXPACK_CONCURRENCY: "blobs in flight at a time, 1 to 64",
  CTXPACK_POLICY: "a policy file that packs have to satisfy too",
  CTXPACK_LOCK: "a lock file whose pins packs have to meet too",
  CTXPACK_TRUST_DIR: "where trust roots are kept",
  CTXPACK_KEY_PASSPHRASE: "of a private key that is encrypted",
  CTXP_REGISTRY_URL: "the first prototype's registry, when no pantry is set otherwise",
  CTXP_REPO: "and its repository there",
  CTXP_USER: "its user, for that host and no other",
  CTXP_TOKEN: "its token, for that host and no other",
  GITHUB_TOKEN: "for ghcr.io, and no other host",
  DOCKER_CONFIG: "the folder of docker's config.json: credentials of registries",
  REGISTRY_AUTH_FILE: "podman's credentials of registries",
  SIGSTORE_ID_TOKEN: "who signs, with --keyless",
  HTTPS_PROXY: "and HTTP_PROXY, NO_PROXY: proxies to registries",
  OPENAI_BASE_URL: "where trace record sends calls on to",
  ANTHROPIC_BASE_URL: "the same",
  NO_COLOR: "no colours; FORCE_COLOR: colours in pipes too",
  CI: "progress is lines of a log, not drawn; TERM=dumb says the same",
  XDG_CONFIG_HOME: "where ctxpack/config.json lies; default ~/.config",
  XDG_CACHE_HOME: "where the store lies unless CTXPACK_CACHE_DIR says, and ctxpack-code",
};

/** `ctxpack help env`. */
export function env(): string {
  const rows = Object.entries(VARIABLES).map(([name, about]) => [`  ${name}`, about]);
  return (
    `environment variables\n${formatTable(rows)}\n\n` +
    "Flags win over variables, these over ctxpack.config.json, that over the user's configuration (ctxpack help config).\n" +
    "What Node has compiled of a command is kept in ctxpack-code beside the store's default place, or where\n" +
    "NODE_COMPILE_CACHE says; NODE_DISABLE_COMPILE_CACHE=1 keeps none."
  );
}
