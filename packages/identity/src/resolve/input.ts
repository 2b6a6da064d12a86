import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { ContractInput, PathInput, ResolvedInput } from "../contract.ts";
import type { Digest, DirHash } from "../digest.ts";
import { CtxPackError } from "../errors.ts";
import { hashFile } from "../tree/hash.ts";
import { atPlace } from "./fault.ts";
import { refuseOverlap } from "./overlap.ts";
import { type ResolvedPack, resolvePack } from "./pack.ts";
import type { ResolveContext } from "./resolve.ts";
import { hashSelection } from "./selection.ts";

/** Resolves one input to its name and a digest or value. */
export async function resolveInput(
  input: ContractInput,
  pointer: string,
  context: ResolveContext,
): Promise<{ resolved: ResolvedInput; pack?: ResolvedPack }> {
  const { name } = input;
  if (input.path !== undefined) {
    const place = `${pointer}/path`;
    const digest = await atPlace(context, place, () => hashPath(input, pointer, context));
    return { resolved: { digest, name } };
  }
  if (input.pack !== undefined) {
    const place = `${pointer}/pack`;
    return atPlace(context, place, () => resolvePack(input, place, context));
  }
  if (input.value !== undefined) return { resolved: { name, value: input.value } };
  return { resolved: { digest: input.digest, name } };
}

async function hashPath(
  input: PathInput,
  pointer: string,
  context: ResolveContext,
): Promise<Digest | DirHash> {
  const root = resolve(context.baseDir, input.path);
  const { include, exclude } = input;
  const selection = { pointer: `${pointer}/path`, root, include, exclude };
  if (await isFolder(root, input.path)) return hashSelection(selection, context);
  for (const key of ["include", "exclude"] as const) {
    if (input[key] === undefined) continue;
    await atPlace(context, `${pointer}/${key}`, async () => {
      throw new CtxPackError(
        "CTXPACK_E_CONTRACT",
        `${key} needs a folder, ${input.path} is a file`,
      );
    });
  }
  await refuseOverlap(context.parsed, context.outputs, selection);
  const { digests, signal, onProgress } = context;
  return (await hashFile(root, { digests, signal, onProgress })).digest;
}

/** Whether a path is a folder; what cannot be read as folder or file is `hashFile`'s to name. */
async function isFolder(path: string, written: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM") {
      throw new CtxPackError("CTXPACK_E_PERMISSION", `${written} may not be read`, {
        cause: error,
      });
    }
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${written} does not exist`, {
      hint: "paths are relative to the contract's folder",
      cause: error,
      details: { path },
    });
  }
}
