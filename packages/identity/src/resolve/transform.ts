import type { ContractTransform, ResolvedTransform } from "../contract.ts";
import type { Digest } from "../digest.ts";
import { CtxPackError } from "../errors.ts";
import { sha256 } from "../hash.ts";
import { atPlace } from "./fault.ts";
import type { ResolveContext } from "./resolve.ts";
import { hashSelection } from "./selection.ts";

/** Resolves one transform: `code` to `code_hash`, `env` to digests, what says nothing left out. */
export async function resolveTransform(
  transform: ContractTransform,
  pointer: string,
  context: ResolveContext,
): Promise<ResolvedTransform> {
  const { tool, tool_version, model, params = {} } = transform;
  const codeHash = await resolveCode(transform, pointer, context);
  const env = await atPlace(context, `${pointer}/env`, () => digestEnv(transform, context));
  return {
    ...(codeHash === undefined ? {} : { code_hash: codeHash }),
    ...(env === undefined ? {} : { env }),
    ...(model === undefined ? {} : { model }),
    ...(Object.keys(params).length === 0 ? {} : { params }),
    tool,
    ...(tool_version === undefined ? {} : { tool_version }),
  };
}

async function resolveCode(
  transform: ContractTransform,
  pointer: string,
  context: ResolveContext,
): Promise<string | undefined> {
  const { code = [], code_hash } = transform;
  if (code.length === 0) return code_hash;
  const selection = { pointer: `${pointer}/code`, root: context.baseDir, include: code };
  return atPlace(context, selection.pointer, () => hashSelection(selection, context));
}

async function digestEnv(
  transform: ContractTransform,
  context: ResolveContext,
): Promise<Record<string, Digest | null> | undefined> {
  const names = transform.env ?? [];
  if (names.length === 0) return undefined;
  const values = context.env;
  if (values === undefined) {
    throw new CtxPackError(
      "CTXPACK_E_USAGE",
      "variables are part of identity, and none are given",
      {
        hint: "pass env to resolveContract",
      },
    );
  }
  const digests = names.map((name): [string, Digest | null] => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    return [name, value === undefined ? null : sha256(new TextEncoder().encode(value))];
  });
  return Object.fromEntries(digests);
}
