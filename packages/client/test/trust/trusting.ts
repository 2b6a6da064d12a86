import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type KeptProofs, Store } from "@ctxpack/cache";
import { CtxPack } from "@ctxpack/client";
import type { CtxUri } from "@ctxpack/identity";
import { generateKey, writeKeyFiles } from "@ctxpack/proof";
import { scratchFolder } from "@ctxpack/test-tools";
import { onTestFinished } from "vitest";

export const contract = { transforms: [{ tool: "ocr", tool_version: "1" }] };

/** Opens the client over a store of a folder; `pantry` below it is its pantry. */
export type OpenAt = (
  store: string,
  policy?: string,
  env?: Record<string, string>,
) => Promise<CtxPack>;

export function openerIn(cwd: string): OpenAt {
  return (store, policy, env = {}) =>
    CtxPack.open({
      cwd,
      env: { HOME: cwd, ...env },
      cacheDir: join(cwd, store),
      pantries: ["oci:pantry"],
      policy,
    });
}

/** A folder for one test, with the files of these signers. */
export async function workplaceWith(
  ...signers: readonly string[]
): Promise<{ readonly cwd: string; readonly open: OpenAt }> {
  const scratch = scratchFolder();
  onTestFinished(() => scratch[Symbol.dispose]());
  const cwd = scratch.path;
  for (const name of signers) await signerIn(cwd, name);
  return { cwd, open: openerIn(cwd) };
}

/** `<name>.pem` and `.pub`, and `<name>.json`: a policy that believes this key and what `more` asks for besides. */
export async function signerIn(cwd: string, name: string, more: object = {}): Promise<void> {
  await writeKeyFiles(join(cwd, `${name}.pem`), await generateKey());
  policyIn(cwd, `${name}.json`, name, more);
}

export function policyIn(cwd: string, file: string, name: string, more: object = {}): void {
  const publicKey = readFileSync(join(cwd, `${name}.pub`), "utf8");
  const rules = [{ require: [{ signers: [name], ...more }] }];
  const policy = { schema: "ctxpack.policy/v1", signers: { [name]: { publicKey } }, rules };
  writeFileSync(join(cwd, file), JSON.stringify(policy));
}

/** A pack that the store `made` has seeded and pushed to the pantry; signed by `signers`. */
export async function pushedIn(cwd: string, ...signers: string[]): Promise<CtxUri> {
  mkdirSync(join(cwd, "out"), { recursive: true });
  writeFileSync(join(cwd, "out/data"), "data");
  await using ctx = await openerIn(cwd)("made");
  const { record } = await ctx.seed("out", { contract });
  await ctx.push(record.uri);
  for (const name of signers)
    await ctx.attest(record.uri, { key: `${name}.pem`, to: "oci:pantry" });
  return record.uri;
}

export async function proofsOf(
  cwd: string,
  store: string,
  uri: CtxUri,
): Promise<KeptProofs | undefined> {
  await using opened = await Store.open(join(cwd, store));
  return await opened.proofs(uri);
}
