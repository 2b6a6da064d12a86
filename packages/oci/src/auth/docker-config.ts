import { homedir } from "node:os";
import { join } from "node:path";
import { type AuthFile, readAuthFile, removeAuth, writeAuth } from "./auth-file.ts";
import type { Credential, CredentialProvider, FoundCredential } from "./credential.ts";
import { eraseInHelper, getFromHelper, type HelperOptions, storeInHelper } from "./helper.ts";

type Env = Readonly<Record<string, string | undefined>>;

export interface DockerConfigOptions {
  /** Default `process.env`. */
  readonly env?: Env | undefined;
  /** How long a helper may take, in milliseconds; 60,000. */
  readonly helperTimeoutMs?: number | undefined;
}

/** Names of one registry: docker keeps Docker Hub's credentials under the last one. */
const DOCKER_HUB = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const DOCKER_HUB_KEY = "https://index.docker.io/v1/";

/**
 * What `docker login` and `podman login` have left: `$REGISTRY_AUTH_FILE` when it is set, docker's `config.json`,
 * podman's `auth.json`, `~/.dockercfg`; with their credential helpers. Host and port have to be the same. Throws
 * CTXPACK_E_CONFIG for a file or helper that cannot be used.
 */
export function dockerConfigCredentials(options: DockerConfigOptions = {}): CredentialProvider {
  return {
    async get(host, { repository, signal } = {}) {
      for (const path of pathsToRead(options.env ?? process.env)) {
        const file = await readAuthFile(path, signal);
        if (file === undefined) continue;
        const found = await lookIn(file, host, repository, { ...options, signal });
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

/**
 * Keeps a credential as `docker login` does: in the helper that docker's `config.json` names for the host, else in
 * that file (0600). Throws CTXPACK_E_CONFIG, CTXPACK_E_PERMISSION.
 */
export async function storeCredential(
  host: string,
  credential: Credential,
  options: DockerConfigOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<{ readonly where: string }> {
  const path = pathToWrite(options.env ?? process.env);
  const file = await readAuthFile(path, options.signal);
  const key = keyToWrite(host);
  const helper = file && helperFor(file, host);
  if (helper !== undefined) {
    await storeInHelper(helper, key, credential, options);
    return { where: `docker-credential-${helper}` };
  }
  // The same host may be there in another spelling, which would be found first.
  const others = Object.keys(file?.auths ?? {}).filter(
    (other) => matches(other, host, undefined) === EXACT,
  );
  await writeAuth(path, key, credential, { instead: others, signal: options.signal });
  return { where: path };
}

/** Forgets what `storeCredential` or `docker login` kept; says where it was, nothing when it was nowhere. */
export async function eraseCredential(
  host: string,
  options: DockerConfigOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<{ readonly where: readonly string[] }> {
  const path = pathToWrite(options.env ?? process.env);
  const file = await readAuthFile(path, options.signal);
  if (file === undefined) return { where: [] };
  const where: string[] = [];
  const helper = helperFor(file, host);
  if (helper !== undefined && (await eraseInHelper(helper, keyToWrite(host), options))) {
    where.push(`docker-credential-${helper}`);
  }
  const keys = Object.keys(file.auths).filter((key) => matches(key, host, undefined) === EXACT);
  if (keys.length > 0 && (await removeAuth(path, keys, options.signal))) where.push(path);
  return { where };
}

function pathsToRead(env: Env): string[] {
  const home = homeOf(env);
  const config = env["XDG_CONFIG_HOME"] || join(home, ".config");
  const paths = [
    env["REGISTRY_AUTH_FILE"],
    pathToWrite(env),
    env["XDG_RUNTIME_DIR"] && join(env["XDG_RUNTIME_DIR"], "containers", "auth.json"),
    join(config, "containers", "auth.json"),
    join(home, ".dockercfg"),
  ];
  return [...new Set(paths.filter((path) => path !== undefined && path !== ""))] as string[];
}

function pathToWrite(env: Env): string {
  return join(env["DOCKER_CONFIG"] || join(homeOf(env), ".docker"), "config.json");
}

function homeOf(env: Env): string {
  return env["HOME"] || env["USERPROFILE"] || homedir();
}

async function lookIn(
  file: AuthFile,
  host: string,
  repository: string | undefined,
  options: HelperOptions,
): Promise<FoundCredential | undefined> {
  const helper = helperFor(file, host);
  if (helper !== undefined) {
    const credential = await getFromHelper(helper, keyToWrite(host), options);
    if (credential !== undefined) {
      return { credential, source: `docker-credential-${helper} (${file.path})` };
    }
  }
  let best: FoundCredential | undefined;
  let rank = -1;
  for (const [key, credential] of Object.entries(file.auths)) {
    const found = matches(key, host, repository);
    if (found <= rank || credential === undefined) continue;
    best = { credential, source: file.path };
    rank = found;
  }
  return best;
}

function helperFor(file: AuthFile, host: string): string | undefined {
  for (const [key, helper] of Object.entries(file.credHelpers)) {
    if (matches(key, host, undefined) === EXACT) {
      // An empty one: this host has none, whatever the store of the others is.
      return helper === "" ? undefined : helper;
    }
  }
  return file.credsStore;
}

/** A key for the host itself, whatever the repository. */
const EXACT = 0;
const NO_MATCH = -1;

/**
 * How closely a key of `auths` names what is asked for: -1 not at all, 0 the host, else the length of the repository's
 * beginning that it names too, as podman's keys do.
 */
function matches(key: string, host: string, repository: string | undefined): number {
  const bare = key.replace(/^https?:\/\//, "");
  const slash = bare.indexOf("/");
  const keyHost = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase();
  const path = slash < 0 ? "" : bare.slice(slash + 1).replace(/\/+$/, "");
  if (canonicalHost(keyHost) !== canonicalHost(host.toLowerCase())) return NO_MATCH;
  // With a scheme it is docker's, whose path is the version of an API that is gone.
  if (path === "" || bare !== key || /^v[12]$/.test(path)) return EXACT;
  if (repository === undefined) return NO_MATCH;
  return repository === path || repository.startsWith(`${path}/`) ? path.length : NO_MATCH;
}

function canonicalHost(host: string): string {
  return DOCKER_HUB.includes(host) ? "docker.io" : host;
}

function keyToWrite(host: string): string {
  return DOCKER_HUB.includes(host) ? DOCKER_HUB_KEY : host;
}
