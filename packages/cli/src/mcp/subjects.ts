import { join } from "node:path";
import type { CtxPack, ParsedContract } from "@ctxpack/client";
import { parseContract, readContract } from "@ctxpack/client";
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
 * A pantry that the user has configured, or a folder inside the roots: no other registry is asked because somebody
 * talked an agent into it. Throws CTXPACK_E_PERMISSION.
 */
export function pantryOf(
  given: string | undefined,
  { ctx, roots }: { readonly ctx: CtxPack; readonly roots: Roots },
): string | undefined {
  if (given === undefined) return undefined;
  if (ctx.remotes().some(({ name, address }) => given === name || given === address)) return given;
  const [, scheme, path] = /^(oci|oci-archive):(.+)$/s.exec(given) ?? [];
  if (scheme !== undefined && path !== undefined) {
    const real = roots.confine(path);
    // A pantry whose parts are links would be read and written elsewhere.
    for (const part of ["index.json", "oci-layout", "blobs", "blobs/sha256"]) {
      if (scheme === "oci") roots.confine(join(real, part));
    }
    return `${scheme}:${real}`;
  }
  throw new CommandError(
    "CTXPACK_E_PERMISSION",
    `${JSON.stringify(given)} is no configured pantry`,
    "ctxpack remote ls lists those there are; the user can add one with ctxpack remote add",
  );
}
