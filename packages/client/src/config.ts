import { dirname, join, resolve } from "node:path";
import { defaultStoreDirectory } from "@ctxpack/cache";
import {
  type ConfigFile,
  checkConcurrency,
  readConfigFile,
  userConfigPath,
} from "./config-file.ts";
import { invalid } from "./config-value.ts";
import { mergeRegistries, type RegistrySettings } from "./registry-settings.ts";

/** Environment variables, as in `process.env`. */
export type Env = Readonly<Record<string, string | undefined>>;

/** A pantry somebody named. */
export interface PantryConfig {
  /** What it may be called instead of its address. */
  readonly name?: string;
  /** `oci:DIR` or `host/repository`. A relative DIR counts from `baseDir`. */
  readonly address: string;
  readonly baseDir: string;
  /** The configuration file that names it. */
  readonly file?: string;
  /** Its packs may be taken by `run`, `map` and `resolve` although nobody signed them. */
  readonly trust?: "unsigned";
}

/** How this machine and project use CtxPack, every source put together. */
export interface Config {
  readonly cacheDir: string;
  /** Where packs are looked for and pushed to, first one first. */
  readonly pantries: readonly PantryConfig[];
  /** Never ask a registry. */
  readonly offline: boolean;
  /** Blobs in flight at a time, when somebody chose. */
  readonly concurrency?: number;
  /** What the store may take, in bytes, when the user chose. */
  readonly storeBudget?: number;
  /** Every pantry with a name, also those that another source has hidden. */
  readonly named: readonly PantryConfig[];
  /**
   * Places whose unsigned packs the user takes: repositories that were marked, and folders, by `oci:` and their absolute
   * path, that the user's file or the environment names. A folder that a project's file names may have come with a clone.
   */
  readonly trusted: ReadonlySet<string>;
  /** What each registry needs, by host[:port]. */
  readonly registries: Readonly<Record<string, RegistrySettings>>;
  /** The folder of the project's file. */
  readonly workspace?: string;
  /** Absolute paths of the policies that all have to accept a pack: the user's, the project's, the environment's. */
  readonly policies: readonly string[];
  /** Absolute paths of the lock files whose pins packs have to meet; they add up like policies. */
  readonly locks: readonly string[];
  /** The files that were read, the first one first. */
  readonly files: readonly string[];
}

export interface LoadConfigOptions {
  readonly cwd: string;
  readonly env: Env;
}

const PROJECT_FILE = "ctxpack.config.json";

/**
 * Environment, then `ctxpack.config.json` here or in a folder above, then the user's file, then defaults;
 * the first that says something about a setting decides it. Throws CTXPACK_E_CONFIG, naming file and key.
 */
export function loadConfig(options: LoadConfigOptions): Config {
  const { cwd, env } = options;
  const project = findProjectFile(cwd);
  const userFile = userConfigPath(env);
  const user = readConfigFile(userFile, "user");
  const environment = fromEnv(env, cwd);
  const layers = [environment, project, user].filter((layer) => layer !== undefined);
  const first = <Key extends keyof ConfigFile>(key: Key): ConfigFile[Key] | undefined =>
    layers.find((layer) => layer[key] !== undefined)?.[key];
  const concurrency = first("concurrency");
  const storeBudget = user?.storeBudget;
  return {
    cacheDir: first("cacheDir") ?? defaultStoreDirectory(env),
    pantries: first("pantries") ?? prototypePantry(env, cwd),
    offline: first("offline") ?? false,
    ...(concurrency !== undefined && { concurrency }),
    ...(storeBudget !== undefined && { storeBudget }),
    named: layers.flatMap(({ pantries = [] }) => pantries).filter(({ name }) => name !== undefined),
    trusted: trustedPlaces([...(user?.pantries ?? []), ...(environment.pantries ?? [])]),
    registries: mergeRegistries([project?.registries, prototypeRegistry(env), user?.registries]),
    ...(project && { workspace: dirname(project.file) }),
    policies: allOf([user?.policy, project?.policy, environment.policy]),
    locks: allOf([user?.lock, project?.lock, environment.lock]),
    files: [...(project ? [project.file] : []), ...(user ? [userFile] : [])],
  };
}

const FOLDER = /^(oci|oci-archive):(.+)$/s;

function trustedPlaces(pantries: readonly PantryConfig[]): ReadonlySet<string> {
  const own = pantries.filter(({ address, trust }) => trust === "unsigned" || FOLDER.test(address));
  return new Set(own.map(placeOf));
}

/** A folder or file by its absolute path. What is no address at all is told by whoever opens it. */
function placeOf({ address, baseDir }: PantryConfig): string {
  const [, kind, path] = FOLDER.exec(address) ?? [];
  return path === undefined ? address : `${kind}:${resolve(baseDir, path)}`;
}

/** Whether `run`, `map` and `resolve` take packs of a configured pantry that nobody signed. */
export function isTrusted({ trusted }: Config, pantry: PantryConfig): boolean {
  // Without a file it is of the environment, or of whoever opened the library.
  if (pantry.file === undefined && FOLDER.test(pantry.address)) return true;
  return trusted.has(placeOf(pantry));
}

function fromEnv(env: Env, cwd: string): ConfigFile {
  const {
    CTXPACK_CACHE_DIR,
    CTXPACK_REGISTRY,
    CTXPACK_OFFLINE,
    CTXPACK_CONCURRENCY,
    CTXPACK_POLICY,
    CTXPACK_LOCK,
  } = env;
  if (CTXPACK_OFFLINE && !["0", "1", "false", "true"].includes(CTXPACK_OFFLINE)) {
    throw invalid(`CTXPACK_OFFLINE is "${CTXPACK_OFFLINE}"; write 1 or 0`);
  }
  const concurrency = CTXPACK_CONCURRENCY ? Number(CTXPACK_CONCURRENCY) : undefined;
  if (concurrency !== undefined) checkConcurrency(concurrency, "CTXPACK_CONCURRENCY");
  return {
    ...(CTXPACK_CACHE_DIR && { cacheDir: resolve(cwd, CTXPACK_CACHE_DIR) }),
    ...(CTXPACK_REGISTRY && { pantries: [{ address: CTXPACK_REGISTRY, baseDir: cwd }] }),
    ...(CTXPACK_OFFLINE && { offline: CTXPACK_OFFLINE === "1" || CTXPACK_OFFLINE === "true" }),
    ...(concurrency !== undefined && { concurrency }),
    ...(CTXPACK_POLICY && { policy: resolve(cwd, CTXPACK_POLICY) }),
    ...(CTXPACK_LOCK && { lock: resolve(cwd, CTXPACK_LOCK) }),
  };
}

/** Policies and lock files add up: one that several name is asked once. */
function allOf(paths: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(paths.filter((path) => path !== undefined))];
}

/** The first prototype's two variables, when nothing else names a pantry. */
function prototypePantry(env: Env, cwd: string): readonly PantryConfig[] {
  const host = prototypeHost(env);
  const { CTXP_REPO } = env;
  if (host === undefined || !CTXP_REPO) return [];
  return [{ address: `${host}/${CTXP_REPO}`, baseDir: cwd }];
}

/** Its host, of which it was said by a URL whether it has TLS. */
export function prototypeHost(env: Env): string | undefined {
  const { CTXP_REGISTRY_URL } = env;
  return CTXP_REGISTRY_URL?.replace(/^https?:\/\//, "")
    .replace(/\/+$/, "")
    .toLowerCase();
}

function prototypeRegistry(env: Env): Readonly<Record<string, RegistrySettings>> | undefined {
  const host = prototypeHost(env);
  if (host === undefined || !env["CTXP_REGISTRY_URL"]?.startsWith("http://")) return undefined;
  return { [host]: { plainHttp: true } };
}

function findProjectFile(cwd: string): (ConfigFile & { readonly file: string }) | undefined {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const file = join(folder, PROJECT_FILE);
    const found = readConfigFile(file, "project");
    if (found) return { ...found, file };
    if (dirname(folder) === folder) return undefined;
  }
}
