import { randomUUID } from "node:crypto";
import { mkdir, realpath, rm, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { formatReference, parseTarget, rename } from "@ctxpack/oci";
import { isTrusted } from "./config.ts";
import { readConfigFile, readConfigJson, userConfigPath } from "./config-file.ts";
import { openPantry } from "./pantry.ts";
import type { Session } from "./session.ts";
import { type WorkOptions, workOf } from "./work.ts";

/** A pantry as a person knows it. */
export interface Remote {
  readonly name?: string;
  readonly address: string;
  /** The file that names it, or `environment`. */
  readonly from: string;
  /** The file came with the project: what it names is not the user's word. */
  readonly project: boolean;
  /** `run`, `map` and `resolve` take packs of it that nobody signed. */
  readonly trusted: boolean;
  /** Looked in when no pantry is named; others are only reached by their name. */
  readonly used: boolean;
}

export interface AddRemoteOptions extends WorkOptions {
  /** Take packs of it that nobody signed. */
  readonly trust?: "unsigned" | undefined;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Every pantry that is configured, the ones that are looked in first. */
export function listRemotes(session: Session): readonly Remote[] {
  const { pantries, named } = session.config;
  const all = [...pantries, ...named.filter((one) => !pantries.includes(one))];
  return all.map((pantry) => ({
    ...(pantry.name !== undefined && { name: pantry.name }),
    address: pantry.address,
    from: pantry.file ?? "environment",
    project: pantry.file !== undefined && pantry.file !== userConfigPath(session.env),
    trusted: isTrusted(session.config, pantry),
    used: pantries.includes(pantry),
  }));
}

/**
 * Names a pantry in the user's configuration; one of the same name is replaced. Throws CTXPACK_E_USAGE,
 * CTXPACK_E_REFERENCE, CTXPACK_E_CONFIG. A pantry that cannot be reached is a warning.
 */
export async function addRemote(
  session: Session,
  name: string,
  address: string,
  options: AddRemoteOptions,
): Promise<Remote> {
  const { signal } = workOf(options);
  if (!NAME.test(name)) {
    throw new CtxPackError("CTXPACK_E_USAGE", `"${name}" cannot be the name of a pantry`, {
      hint: "at most 64 letters, digits, dots, dashes; beginning with a letter or digit",
    });
  }
  const target = parseTarget(address);
  if (target.kind === "archive" || tagOf(target) !== undefined) {
    throw new CtxPackError("CTXPACK_E_USAGE", `${address} is no pantry`, {
      hint: "write host/repository or oci:DIR, without a tag",
    });
  }
  // A folder is the same one wherever the command is typed next.
  const full =
    target.kind === "layout"
      ? `oci:${resolve(session.cwd, target.dir)}`
      : formatReference(target.reference);
  const { trust } = options;
  const file = userConfigPath(session.env);
  const entry = { name, address: full, ...(trust && { trust }) };
  await editPantries(file, (pantries) => {
    const at = pantries.findIndex((one) => nameOf(one) === name);
    return at < 0 ? [...pantries, entry] : pantries.with(at, entry);
  });
  await warnUnlessReachable(session, full, signal);
  const trusted = target.kind === "layout" || trust === "unsigned";
  return { name, address: full, from: file, project: false, trusted, used: true };
}

/** Takes a pantry's name out of the user's configuration; the pantry itself stays. Throws CTXPACK_E_NOT_FOUND. */
export async function removeRemote(
  session: Session,
  name: string,
  options: WorkOptions,
): Promise<void> {
  options.signal?.throwIfAborted();
  const file = userConfigPath(session.env);
  let found = false;
  await editPantries(file, (pantries) => {
    const rest = pantries.filter((one) => nameOf(one) !== name);
    found = rest.length < pantries.length;
    return rest;
  });
  if (found) return;
  throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${file} names no pantry "${name}"`, {
    hint: "ctxpack remote ls lists what is configured where",
    details: { path: file, name },
  });
}

type Json = Record<string, unknown>;

async function editPantries(
  file: string,
  edit: (pantries: readonly unknown[]) => readonly unknown[],
): Promise<void> {
  // Parsed first: a file with a mistake is not written over.
  readConfigFile(file, "user");
  const value = (readConfigJson(file) ?? {}) as Json;
  const before = (value["pantries"] ?? []) as readonly unknown[];
  const pantries = edit(before);
  if (pantries.length === before.length && pantries.every((one, i) => one === before[i])) return;
  await replace(file, { ...value, pantries });
}

async function replace(file: string, value: Json): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    const target = await realpath(file).catch(() => file);
    const temporary = `${target}.${randomUUID()}`;
    try {
      await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { flag: "wx" });
      rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CtxPackError("CTXPACK_E_PERMISSION", `${file} cannot be written: ${code}`, {
      cause: error,
      details: { path: file },
    });
  }
}

async function warnUnlessReachable(
  session: Session,
  address: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { target } = await openPantry(session, address, signal);
    for await (const _ of target.tags({ signal })) break;
  } catch (error) {
    signal.throwIfAborted();
    if (!CtxPackError.isInstance(error)) throw error;
    // What nobody has pushed to yet is not there yet.
    if (/NOT_FOUND$/.test(error.code)) return;
    session.warn(`${address} is configured, and was not reached: ${error.message}`);
  }
}

function nameOf(entry: unknown): unknown {
  return (entry as { name?: unknown } | null)?.name;
}

function tagOf(target: ReturnType<typeof parseTarget>): string | undefined {
  return target.kind === "registry" ? target.reference.tag : target.tag;
}
