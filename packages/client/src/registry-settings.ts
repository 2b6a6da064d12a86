import { dirname, resolve } from "node:path";
import { parseReference, type RegistryProfile } from "@ctxpack/oci";
import type { Owner } from "./config-file.ts";
import {
  booleanOf,
  checkKeys,
  choiceOf,
  invalid,
  objectOf,
  stringOf,
  stringsOf,
} from "./config-value.ts";

/** What one registry needs, as a configuration file says it. Paths are absolute. */
export interface RegistrySettings {
  /** http instead of https. */
  readonly plainHttp?: boolean;
  /** A PEM file with the CA that signed the registry's certificate. */
  readonly ca?: string;
  /** PEM files with the certificate and key that the registry wants to see. */
  readonly cert?: string;
  readonly key?: string;
  /** Any certificate will do. */
  readonly insecure?: boolean;
  /** A proxy's URL, or `false` for none; else the environment decides. */
  readonly proxy?: string | false;
  /** `host[:port]` or `host[:port]/prefix`, asked before the registry for what has a digest. */
  readonly mirrors?: readonly string[];
  /** Whether these mirrors answer for tags, too: those that a project names do not. No key of a file. */
  readonly mirroredTags?: boolean;
  readonly trustedRealmHosts?: readonly string[];
  readonly allowCrossHostUpload?: boolean;
  readonly referrers?: RegistryProfile["referrers"];
  readonly upload?: RegistryProfile["upload"];
  /** Bytes in one piece of an upload in pieces. */
  readonly chunkSize?: number;
  /** `false`: never ask for a part of a blob. */
  readonly ranges?: boolean;
}

/** What protects credentials and content on their way: a project that was cloned must not take it away. */
const WEAKENING = [
  "ca",
  "plainHttp",
  "insecure",
  "proxy",
  "trustedRealmHosts",
  "allowCrossHostUpload",
] as const;

const KEYS = [
  "allowCrossHostUpload",
  "ca",
  "cert",
  "chunkSize",
  "insecure",
  "key",
  "mirrors",
  "plainHttp",
  "proxy",
  "ranges",
  "referrers",
  "trustedRealmHosts",
  "upload",
];

/** Parses `registries`: settings by host[:port]. Throws CTXPACK_E_CONFIG, naming file and key. */
export function parseRegistries(
  value: unknown,
  file: string,
  owner: Owner,
): Readonly<Record<string, RegistrySettings>> {
  const table = objectOf(value, file, "/registries");
  const parsed: Record<string, RegistrySettings> = Object.create(null);
  for (const [host, entry] of Object.entries(table)) {
    const at = `/registries/${host}`;
    if (!isHost(host)) {
      throw invalid(`${file}: ${at} is not a registry's host`, "write host or host:port");
    }
    const settings = parseSettings(objectOf(entry, file, at), file, at);
    if (owner === "project") refuseWeakening(settings, host, file, at);
    // What has a digest is verified whoever gives it; what a tag leads to is not.
    const mirroredTags = settings.mirrors && { mirroredTags: owner === "user" };
    parsed[host.toLowerCase()] = { ...settings, ...mirroredTags };
  }
  return parsed;
}

/** Puts together what the user's file and the project's say of a host: the user's has the last word. */
export function mergeRegistries(
  layers: readonly (Readonly<Record<string, RegistrySettings>> | undefined)[],
): Readonly<Record<string, RegistrySettings>> {
  const merged: Record<string, RegistrySettings> = Object.create(null);
  for (const layer of layers) {
    for (const [host, settings] of Object.entries(layer ?? {})) {
      merged[host] = { ...merged[host], ...settings };
    }
  }
  return merged;
}

function parseSettings(table: Record<string, unknown>, file: string, at: string): RegistrySettings {
  checkKeys(table, KEYS, file, at);
  const path = (key: string): string | undefined =>
    table[key] === undefined
      ? undefined
      : resolve(dirname(file), stringOf(table[key], file, `${at}/${key}`));
  const flag = (key: string): boolean | undefined =>
    table[key] === undefined ? undefined : booleanOf(table[key], file, `${at}/${key}`);
  const list = (key: string): readonly string[] | undefined =>
    table[key] === undefined ? undefined : stringsOf(table[key], file, `${at}/${key}`);
  const choice = <const T extends string>(key: string, choices: readonly T[]): T | undefined =>
    table[key] === undefined ? undefined : choiceOf(table[key], choices, file, `${at}/${key}`);
  const [cert, key] = [path("cert"), path("key")];
  if ((cert === undefined) !== (key === undefined)) {
    throw invalid(`${file}: ${at} must have both /cert and /key, or none of them`);
  }
  const settings = {
    plainHttp: flag("plainHttp"),
    ca: path("ca"),
    cert,
    key,
    insecure: flag("insecure"),
    proxy: table["proxy"] === undefined ? undefined : proxyOf(table["proxy"], file, `${at}/proxy`),
    mirrors: list("mirrors"),
    trustedRealmHosts: list("trustedRealmHosts"),
    allowCrossHostUpload: flag("allowCrossHostUpload"),
    referrers: choice("referrers", ["auto", "api", "tag"]),
    upload: choice("upload", ["put", "stream", "chunks"]),
    chunkSize: chunkSizeOf(table["chunkSize"], file, at),
    ranges: flag("ranges"),
  };
  for (const [i, mirror] of (settings.mirrors ?? []).entries()) {
    if (!isHost(mirror.split("/")[0] as string) || !isReference(`${mirror}/x`)) {
      throw invalid(`${file}: ${at}/mirrors/${i} is not host[:port] or host[:port]/prefix`);
    }
  }
  const said = Object.entries(settings).filter(([, setting]) => setting !== undefined);
  return Object.fromEntries(said) as RegistrySettings;
}

function refuseWeakening(settings: RegistrySettings, host: string, file: string, at: string): void {
  if (/^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(host)) return;
  const found = WEAKENING.find((key) => settings[key] !== undefined && settings[key] !== false);
  if (found === undefined) return;
  throw invalid(
    `${file}: ${at}/${found} takes away what protects your credentials: only your own configuration may`,
    "put it into ~/.config/ctxpack/config.json, if it is right",
  );
}

function proxyOf(value: unknown, file: string, at: string): string | false {
  if (value === false) return false;
  const text = stringOf(value, file, at);
  if (/^(?:https?|socks5):$/.test(URL.parse(text)?.protocol ?? "")) return text;
  throw invalid(`${file}: ${at} must be the URL of a proxy, or false`);
}

function chunkSizeOf(value: unknown, file: string, at: string): number | undefined {
  if (value === undefined) return undefined;
  const isSize = Number.isSafeInteger(value) && (value as number) >= 1 << 16;
  if (isSize && (value as number) <= 1 << 30) return value as number;
  throw invalid(`${file}: ${at}/chunkSize must be an integer from 65536 to 1073741824`);
}

function isHost(text: string): boolean {
  return !text.includes("/") && isReference(`${text}/x`);
}

function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch {
    return false;
  }
}
