import { join, resolve } from "node:path";
import type { CtxPack, ParsedContract } from "@ctxpack/client";
import { CtxPackError, parseContract, readContract } from "@ctxpack/client";
import { parseTarget } from "@ctxpack/oci";
import { CommandError } from "../exit.ts";
import type { Roots } from "./roots.ts";
import type { ToolContext } from "./tool.ts";

/** A URI or the beginning of one. Elsewhere files and tags would do too; here they would lead out of the roots. */
export function uriOf(text: string): string {
  if (/^(?:ctx:\/\/)?(?:sha256:)?[0-9a-fA-F]{6,64}$/.test(text)) return text;
  throw new CommandError(
    "CTXPACK_E_REFERENCE",
    `${JSON.stringify(text)} is no URI`,
    "write ctx://sha256:<64 hex>, or its first digits; ctx_search finds packs by name, tool, model, input, tag",
  );
}

/**
 * A contract, from a file or as it was given, whose paths are all inside the roots. Throws CTXPACK_E_PERMISSION and
 * what reading a contract throws.
 */
export async function contractOf(
  given: string | object,
  { roots, signal }: ToolContext,
): Promise<ParsedContract> {
  const parsed =
    typeof given === "string"
      ? await readContract(roots.confine(given), { signal })
      : parseContract(JSON.stringify(given), {
          file: join(roots.base, "contract.json"),
          format: "json",
        });
  confinePaths(parsed, roots);
  return parsed;
}

function confinePaths({ contract, file }: ParsedContract, roots: Roots): void {
  const { inputs = [], outputs = [] } = contract as {
    readonly inputs?: readonly { readonly path?: string }[];
    readonly outputs?: readonly { readonly path?: string }[];
  };
  for (const { path } of [...inputs, ...outputs]) {
    if (path !== undefined) roots.confine(path, join(file, ".."));
  }
}

/**
 * A pantry that the user has configured, or a folder or archive inside the roots: no other registry is asked because
 * somebody talked an agent into it. Throws CTXPACK_E_PERMISSION, and CTXPACK_E_USAGE for one with a tag.
 */
export function pantryOf(
  given: string | undefined,
  { ctx, roots }: Pick<ToolContext, "ctx" | "roots">,
): string | undefined {
  if (given === undefined) return undefined;
  const configured = configuredPantry(given, ctx);
  if (configured !== undefined) return configured;
  // Whoever opens it splits a tag off: what is judged has to be what is opened.
  const target = /^oci(?:-archive)?:/.test(given) ? parseTarget(given) : undefined;
  if (target === undefined || target.kind === "registry") throw notConfigured(given);
  if (target.tag !== undefined) throw withTag(given, target.tag);
  const place =
    target.kind === "layout"
      ? `oci:${layoutFolder(target.dir, roots)}`
      : `oci-archive:${roots.confine(target.file)}`;
  const opened = parseTarget(place);
  // Where links lead may have a colon in its name.
  if (opened.kind !== "registry" && opened.tag !== undefined) throw withTag(given, opened.tag);
  return place;
}

/**
 * As `pantryOf`, for what fetches data: it stays in the store, and once it is whole it is a hit of the user's next run,
 * while a folder inside the roots, and the project's own configuration, may be anybody's, cloned with a repository.
 * Throws CTXPACK_E_PERMISSION for a pantry that the user has not configured unless a policy judges it, the server may
 * write, or the store has the pack.
 */
export async function sourceOf(
  uri: string,
  given: string | undefined,
  { ctx, roots, allowWrite, signal }: ToolContext,
): Promise<string | undefined> {
  const pantry = pantryOf(given, { ctx, roots });
  if (allowWrite) return pantry;
  const stranger = strangerAmong(given, ctx);
  if (stranger === undefined || (await hasPolicy(ctx, signal))) return pantry;
  if (given === undefined && (await isStored(uri, ctx, signal))) return undefined;
  throw new CommandError(
    "CTXPACK_E_PERMISSION",
    `${JSON.stringify(stranger)} is no pantry that the user has configured, and no policy is in force: what it holds is not kept`,
    "ctx_inspect and ctx_files tell of it; the user can add it with ctxpack remote add, name a policy, or start the " +
      "server with --allow-write",
  );
}

/** A pantry that would be asked and that is not of the user's own configuration. */
function strangerAmong(given: string | undefined, ctx: CtxPack): string | undefined {
  const remotes = ctx.remotes();
  const asked = remotes.filter(({ name, address, used }) =>
    given === undefined ? used : given === name || given === address,
  );
  if (given !== undefined && asked.length === 0) return given;
  return asked.find(({ project, trusted }) => project && !trusted)?.address;
}

async function isStored(uri: string, ctx: CtxPack, signal: AbortSignal): Promise<boolean> {
  try {
    return (await ctx.exists(uri, { signal })).where.includes("store");
  } catch (error) {
    signal.throwIfAborted();
    if (CtxPackError.isInstance(error)) return false;
    throw error;
  }
}

async function hasPolicy(ctx: CtxPack, signal: AbortSignal): Promise<boolean> {
  try {
    return (await ctx.explainPolicy({ signal })).length > 0;
  } catch (error) {
    if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_USAGE") return false;
    throw error;
  }
}

/** A configured pantry as the library takes it: a relative folder counts from where it was configured. */
function configuredPantry(given: string, ctx: CtxPack): string | undefined {
  const remotes = ctx.remotes();
  if (remotes.some(({ name }) => given === name)) return given;
  const remote = remotes.find(({ address }) => given === address);
  if (remote === undefined || remote.from === "environment") return remote && given;
  const target = parseTarget(given);
  return target.kind === "layout" ? `oci:${resolve(remote.from, "..", target.dir)}` : given;
}

function layoutFolder(dir: string, roots: Roots): string {
  const real = roots.confine(dir);
  // A pantry whose parts are links would be read and written elsewhere.
  for (const part of ["index.json", "oci-layout", "blobs", "blobs/sha256"]) {
    roots.confine(join(real, part));
  }
  return real;
}

function notConfigured(given: string): CommandError {
  return new CommandError(
    "CTXPACK_E_PERMISSION",
    `${JSON.stringify(given)} is no configured pantry`,
    "ctxpack remote ls lists those there are; the user can add one with ctxpack remote add",
  );
}

function withTag(given: string, tag: string): CommandError {
  return new CommandError(
    "CTXPACK_E_USAGE",
    `${JSON.stringify(given)}: a pantry has no tag, and here is one: ${tag}`,
    "leave it out; ctx_search finds packs by tag",
  );
}
