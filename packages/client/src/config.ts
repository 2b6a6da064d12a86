import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { defaultStoreDirectory } from "@ctxpack/cache";
import { CtxPackError } from "@ctxpack/identity";

/** Environment variables, as in `process.env`. */
export type Env = Readonly<Record<string, string | undefined>>;

/** A pantry somebody named. */
export interface PantryConfig {
  /** What it may be called instead of its address. */
  readonly name?: string;
  /** `oci:DIR` or `host/repository`. A relative DIR counts from `baseDir`. */
  readonly address: string;
  readonly baseDir: string;
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
}

/** What one file may say. */
interface ConfigFile {
  readonly cacheDir?: string;
  readonly pantries?: readonly PantryConfig[];
  readonly offline?: boolean;
  readonly concurrency?: number;
}

export interface LoadConfigOptions {
  readonly cwd: string;
  readonly env: Env;
  readonly signal?: AbortSignal | undefined;
}

const PROJECT_FILE = "ctxpack.config.json";

/**
 * Environment, then `ctxpack.config.json` here or in a folder above, then the user's file, then defaults;
 * the first that says something about a setting decides it. Throws CTXPACK_E_CONFIG, naming file and key.
 */
export async function loadConfig(options: LoadConfigOptions): Promise<Config> {
  const { cwd, env, signal } = options;
  const project = await findProjectFile(cwd, signal);
  const user = await readConfigFile(userConfigPath(env), signal);
  const layers = [fromEnv(env, cwd), project, user].filter((layer) => layer !== undefined);
  const first = <Key extends keyof ConfigFile>(key: Key): ConfigFile[Key] | undefined =>
    layers.find((layer) => layer[key] !== undefined)?.[key];
  const concurrency = first("concurrency");
  return {
    cacheDir: first("cacheDir") ?? defaultStoreDirectory(env),
    pantries: first("pantries") ?? prototypePantry(env, cwd),
    offline: first("offline") ?? false,
    ...(concurrency !== undefined && { concurrency }),
  };
}

function fromEnv(env: Env, cwd: string): ConfigFile {
  const { CTXPACK_CACHE_DIR, CTXPACK_REGISTRY, CTXPACK_OFFLINE, CTXPACK_CONCURRENCY } = env;
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
  };
}

/** The first prototype's two variables, when nothing else names a pantry. */
function prototypePantry(env: Env, cwd: string): readonly PantryConfig[] {
  const { CTXP_REGISTRY_URL, CTXP_REPO } = env;
  if (!CTXP_REGISTRY_URL || !CTXP_REPO) return [];
  const host = CTXP_REGISTRY_URL.replace(/^https?:\/\//, "").replace(/\/+$/, "");
  return [{ address: `${host}/${CTXP_REPO}`, baseDir: cwd }];
}

function userConfigPath(env: Env): string {
  if (env["XDG_CONFIG_HOME"]) return join(env["XDG_CONFIG_HOME"], "ctxpack", "config.json");
  if (env["APPDATA"]) return join(env["APPDATA"], "ctxpack", "config.json");
  return join(env["HOME"] || homedir(), ".config", "ctxpack", "config.json");
}

async function findProjectFile(
  cwd: string,
  signal: AbortSignal | undefined,
): Promise<ConfigFile | undefined> {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const found = await readConfigFile(join(folder, PROJECT_FILE), signal);
    if (found || dirname(folder) === folder) return found;
  }
}

async function readConfigFile(
  file: string,
  signal: AbortSignal | undefined,
): Promise<ConfigFile | undefined> {
  let text: string;
  try {
    text = await readFile(file, { encoding: "utf8", ...(signal && { signal }) });
  } catch (error) {
    signal?.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CtxPackError("CTXPACK_E_CONFIG", `${file} cannot be read: ${code}`, { cause: error });
  }
  try {
    return parseConfigFile(JSON.parse(text), file);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CtxPackError("CTXPACK_E_CONFIG", `${file} is not JSON: ${error.message}`, {
      cause: error,
    });
  }
}

const KEYS = ["$schema", "cacheDir", "concurrency", "offline", "pantries"];

function parseConfigFile(value: unknown, file: string): ConfigFile {
  const table = objectOf(value, file, "the file");
  checkKeys(table, KEYS, file);
  const { cacheDir, concurrency, offline, pantries } = table;
  if (offline !== undefined && typeof offline !== "boolean") {
    throw invalid(`${file}: /offline must be true or false`);
  }
  if (concurrency !== undefined) checkConcurrency(concurrency, `${file}: /concurrency`);
  if (pantries !== undefined && !Array.isArray(pantries)) {
    throw invalid(`${file}: /pantries must be an array`);
  }
  const baseDir = dirname(file);
  return {
    ...(cacheDir !== undefined && {
      cacheDir: resolve(baseDir, stringOf(cacheDir, file, "/cacheDir")),
    }),
    ...(pantries !== undefined && {
      pantries: pantries.map((entry, i) => parsePantry(entry, baseDir, file, `/pantries/${i}`)),
    }),
    ...(offline !== undefined && { offline }),
    ...(concurrency !== undefined && { concurrency: concurrency as number }),
  };
}

function parsePantry(entry: unknown, baseDir: string, file: string, at: string): PantryConfig {
  if (typeof entry === "string") return { address: stringOf(entry, file, at), baseDir };
  const table = objectOf(entry, file, at);
  checkKeys(table, ["address", "name"], file, at);
  const address = stringOf(table["address"], file, `${at}/address`);
  if (table["name"] === undefined) return { address, baseDir };
  return { name: stringOf(table["name"], file, `${at}/name`), address, baseDir };
}

function checkKeys(
  table: Record<string, unknown>,
  known: readonly string[],
  file: string,
  at = "",
): void {
  for (const key of Object.keys(table)) {
    if (known.includes(key)) continue;
    throw invalid(`${file}: ${at}/${key} is no setting`, `there are: ${known.join(", ")}`);
  }
}

function objectOf(value: unknown, file: string, at: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw invalid(`${file}: ${at} must be an object`);
}

function stringOf(value: unknown, file: string, at: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw invalid(`${file}: ${at} must be a string that is not empty`);
}

function checkConcurrency(value: unknown, where: string): void {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 64) return;
  throw invalid(`${where} must be an integer from 1 to 64`);
}

function invalid(message: string, hint?: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_CONFIG", message, { hint });
}
