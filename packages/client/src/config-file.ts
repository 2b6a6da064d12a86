import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { parseByteSize } from "./byte-size.ts";
import type { Env, PantryConfig } from "./config.ts";
import { checkKeys, invalid, objectOf, stringOf } from "./config-value.ts";
import { parseRegistries, type RegistrySettings } from "./registry-settings.ts";

/** Whose file it is: a project's comes with what was cloned, and decides less than the user's own. */
export type Owner = "project" | "user";

/** What one file says; an absent setting is left to the next one. */
export interface ConfigFile {
  readonly cacheDir?: string;
  readonly pantries?: readonly PantryConfig[];
  readonly offline?: boolean;
  readonly concurrency?: number;
  readonly registries?: Readonly<Record<string, RegistrySettings>>;
  /** What the store may take, in bytes. */
  readonly storeBudget?: number;
  /** Absolute path of a policy. */
  readonly policy?: string;
  /** Absolute path of a lock file. */
  readonly lock?: string;
}

/** `$XDG_CONFIG_HOME/ctxpack/config.json`, else `%APPDATA%`, else `~/.config`. */
export function userConfigPath(env: Env): string {
  if (env["XDG_CONFIG_HOME"]) return join(env["XDG_CONFIG_HOME"], "ctxpack", "config.json");
  if (env["APPDATA"]) return join(env["APPDATA"], "ctxpack", "config.json");
  return join(env["HOME"] || homedir(), ".config", "ctxpack", "config.json");
}

/** The JSON value of a configuration file; `undefined` when there is none. Throws CTXPACK_E_CONFIG. */
export function readConfigJson(file: string): unknown {
  let text: string;
  try {
    // Mostly there is none, in any of the folders that are looked in: asking is cheaper than failing.
    if (statSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CtxPackError("CTXPACK_E_CONFIG", `${file} cannot be read: ${code}`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CtxPackError("CTXPACK_E_CONFIG", `${file} is not JSON: ${error.message}`, {
      cause: error,
    });
  }
}

/** Reads one file; `undefined` when there is none. Throws CTXPACK_E_CONFIG, naming file and key. */
export function readConfigFile(file: string, owner: Owner): ConfigFile | undefined {
  const value = readConfigJson(file);
  return value === undefined ? undefined : parseConfigFile(value, file, owner);
}

const KEYS = [
  "$schema",
  "cacheDir",
  "concurrency",
  "lock",
  "offline",
  "pantries",
  "policy",
  "registries",
  "storeBudget",
];

function parseConfigFile(value: unknown, file: string, owner: Owner): ConfigFile {
  const table = objectOf(value, file, "the file");
  checkKeys(table, KEYS, file);
  const { cacheDir, concurrency, lock, offline, pantries, policy, registries, storeBudget } = table;
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
      pantries: pantries.map((entry, i) => parsePantry(entry, file, owner, `/pantries/${i}`)),
    }),
    ...(offline !== undefined && { offline }),
    ...(concurrency !== undefined && { concurrency: concurrency as number }),
    ...(policy !== undefined && { policy: resolve(baseDir, stringOf(policy, file, "/policy")) }),
    ...(lock !== undefined && { lock: resolve(baseDir, stringOf(lock, file, "/lock")) }),
    ...(registries !== undefined && { registries: parseRegistries(registries, file, owner) }),
    ...(storeBudget !== undefined && { storeBudget: parseBudget(storeBudget, file, owner) }),
  };
}

function parseBudget(value: unknown, file: string, owner: Owner): number {
  if (owner === "project") {
    throw invalid(
      `${file}: /storeBudget is for the user to say, not for a project`,
      "one store serves all projects: write it into your own configuration",
    );
  }
  const bytes = parseByteSize(
    typeof value === "number" ? String(value) : stringOf(value, file, "/storeBudget"),
  );
  if (bytes !== undefined) return bytes;
  throw invalid(`${file}: /storeBudget is no size`, 'write it as "50GB", or in bytes');
}

function parsePantry(entry: unknown, file: string, owner: Owner, at: string): PantryConfig {
  const baseDir = dirname(file);
  if (typeof entry === "string") return { address: stringOf(entry, file, at), baseDir, file };
  const table = objectOf(entry, file, at);
  checkKeys(table, ["address", "name", "trust"], file, at);
  const address = stringOf(table["address"], file, `${at}/address`);
  const { name, trust } = table;
  if (trust !== undefined && trust !== "unsigned") {
    throw invalid(`${file}: ${at}/trust must be "unsigned", or left out`);
  }
  if (trust !== undefined && owner === "project") {
    throw invalid(
      `${file}: ${at}/trust is for the user to say, not for a project`,
      `ctxpack remote add NAME ${address} --trust unsigned writes it to your own configuration`,
    );
  }
  return {
    ...(name !== undefined && { name: stringOf(name, file, `${at}/name`) }),
    address,
    baseDir,
    file,
    ...(trust !== undefined && { trust: "unsigned" }),
  };
}

/** Throws CTXPACK_E_CONFIG unless it is an integer from 1 to 64. */
export function checkConcurrency(value: unknown, where: string): void {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 64) return;
  throw invalid(`${where} must be an integer from 1 to 64`);
}
