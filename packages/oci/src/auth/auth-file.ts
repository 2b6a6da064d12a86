import { randomUUID } from "node:crypto";
import { chmod, mkdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { diskError, errorCode } from "../disk.ts";
import { rename } from "../rename.ts";
import type { Credential } from "./credential.ts";

const LIMIT = 4 << 20;

/** What docker's `config.json`, podman's `auth.json` or the old `.dockercfg` says about credentials. */
export interface AuthFile {
  readonly path: string;
  /** By key as written; `undefined` for an entry that holds none (a helper has it). */
  readonly auths: Readonly<Record<string, Credential | undefined>>;
  readonly credHelpers: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

type Json = Record<string, unknown>;

/** Reads one; `undefined` when there is none. Throws CTXPACK_E_CONFIG, CTXPACK_E_PERMISSION, with the file's name. */
export async function readAuthFile(
  path: string,
  signal: AbortSignal | undefined,
): Promise<AuthFile | undefined> {
  const document = await readDocument(path, signal);
  if (document === undefined) return undefined;
  const isOld = path.endsWith(".dockercfg");
  const auths = isOld ? document : objectOf(document["auths"], path, "/auths");
  const helpers = objectOf(document["credHelpers"], path, "/credHelpers");
  const { credsStore } = document;
  return {
    path,
    auths: Object.assign(
      Object.create(null),
      Object.fromEntries(Object.entries(auths).map(([key, entry]) => [key, credentialOf(entry)])),
    ),
    credHelpers: Object.assign(
      Object.create(null),
      Object.fromEntries(
        Object.entries(helpers).filter((e): e is [string, string] => typeof e[1] === "string"),
      ),
    ),
    ...(typeof credsStore === "string" && credsStore !== "" && { credsStore }),
  };
}

/** Adds one entry of `auths` in place of others; everything else in the file stays. */
export async function writeAuth(
  path: string,
  key: string,
  credential: Credential,
  {
    instead,
    signal,
  }: { readonly instead: readonly string[]; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const document = (await readDocument(path, signal)) ?? {};
  const auths = objectOf(document["auths"], path, "/auths");
  const kept = Object.fromEntries(Object.entries(auths).filter(([k]) => !instead.includes(k)));
  await replace(path, { ...document, auths: { ...kept, [key]: entryOf(credential) } });
}

/** Removes entries of `auths`; whether there were any. */
export async function removeAuth(
  path: string,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const document = await readDocument(path, signal);
  const auths = objectOf(document?.["auths"], path, "/auths");
  const rest = Object.fromEntries(Object.entries(auths).filter(([key]) => !keys.includes(key)));
  if (Object.keys(rest).length === Object.keys(auths).length) return false;
  await replace(path, { ...document, auths: rest });
  return true;
}

async function readDocument(
  path: string,
  signal: AbortSignal | undefined,
): Promise<Json | undefined> {
  signal?.throwIfAborted();
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > LIMIT) throw broken(path, `has ${size} bytes, at most ${LIMIT} are read`);
    text = await readFile(path, { encoding: "utf8", ...(signal && { signal }) });
  } catch (error) {
    signal?.throwIfAborted();
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw diskError(error, `${path} cannot be read`, path);
  }
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the file, and what is in it is secret.
    throw broken(path, "is not JSON");
  }
  return objectOf(value, path, "the file");
}

function objectOf(value: unknown, path: string, at: string): Json {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Json;
  throw broken(path, `holds something else than an object at ${at}`);
}

function credentialOf(entry: unknown): Credential | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  const { auth, identitytoken, registrytoken, username, password } = entry as Json;
  if (isText(registrytoken)) return { kind: "bearer", token: registrytoken };
  const account = isText(auth) ? decode(auth) : undefined;
  const user = account?.[0] ?? (isText(username) ? username : undefined);
  if (isText(identitytoken)) {
    return {
      kind: "identity",
      token: identitytoken,
      ...(user !== undefined && user !== "" && { username: user }),
    };
  }
  if (account !== undefined) return { kind: "basic", username: account[0], password: account[1] };
  if (isText(username) && typeof password === "string")
    return { kind: "basic", username, password };
  return undefined;
}

/** base64 of `user:password`; a password may hold colons, and some writers end it with zeros. */
function decode(auth: string): [string, string] | undefined {
  const text = Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
  const colon = text.indexOf(":");
  return colon <= 0 ? undefined : [text.slice(0, colon), text.slice(colon + 1)];
}

function entryOf(credential: Credential): Json {
  switch (credential.kind) {
    case "basic": {
      const { username, password } = credential;
      return { auth: Buffer.from(`${username}:${password}`).toString("base64") };
    }
    case "identity": {
      const user = credential.username ?? "00000000-0000-0000-0000-000000000000";
      return { auth: Buffer.from(`${user}:`).toString("base64"), identitytoken: credential.token };
    }
    case "bearer":
      return { registrytoken: credential.token };
  }
}

/** Nobody ever sees half a file, and nobody but its owner sees it at all. */
async function replace(path: string, document: Json): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // Some keep it elsewhere and link to it: the link stays.
    const target = await realpath(path).catch(() => path);
    const temporary = `${target}.${randomUUID()}`;
    try {
      await writeFile(temporary, `${JSON.stringify(document, null, "\t")}\n`, {
        mode: 0o600,
        flag: "wx",
      });
      await chmod(temporary, 0o600);
      rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  } catch (error) {
    throw diskError(error, `${path} cannot be written`, path);
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function broken(path: string, what: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_CONFIG", `${path} ${what}`, {
    hint: "docker login or podman login writes it; mend or remove it",
    details: { path },
  });
}
