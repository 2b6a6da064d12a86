import type { PackInput, ResolvedInput } from "../contract.ts";
import type { Digest, DirHash } from "../digest.ts";
import { digestHex } from "../digest.ts";
import { CtxPackError } from "../errors.ts";
import { sha256 } from "../hash.ts";
import { compileFilter } from "../pattern.ts";
import { dirHashLines } from "../tree/dirhash.ts";
import type { CtxUri } from "../uri.ts";
import type { ResolveContext } from "./resolve.ts";

/** Where the outputs of other contracts are found; `client` implements it over the store and the pantries. */
export interface PackOutputs {
  /**
   * A row for each regular file that a walk of the pulled folder would see, links already followed.
   *
   * @throws CtxPackError `CTXPACK_E_NOT_FOUND` when nobody has the pack.
   */
  lines(
    uri: CtxUri,
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<Iterable<{ readonly path: string; readonly digest: Digest }>>;
}

/** The output of another contract that became an input. */
export interface ResolvedPack {
  /** The input's name. */
  readonly name: string;
  readonly uri: CtxUri;
  readonly digest: DirHash;
}

/** Resolves a `pack` input: the `dirHash1` its output has when it is pulled, or the digest it is pinned to. */
export async function resolvePack(
  input: PackInput,
  pointer: string,
  context: ResolveContext,
): Promise<{ resolved: ResolvedInput; pack: ResolvedPack }> {
  const digest = await packDigest(input, pointer, context);
  const { name, pack: uri } = input;
  return { resolved: { digest, name }, pack: { name, uri, digest } };
}

async function packDigest(
  input: PackInput,
  pointer: string,
  context: ResolveContext,
): Promise<DirHash> {
  const { pack: uri, digest: pin } = input;
  if (context.packs === undefined) {
    if (pin !== undefined) return pin;
    throw new CtxPackError(
      "CTXPACK_E_USAGE",
      `the output of ${uri} is needed, and no packs are given`,
      {
        hint: "pass packs, or pin the input with digest",
      },
    );
  }
  const rows = await outputRows(context.packs, input, context.signal);
  if (rows === undefined) return pin as DirHash;
  const lines = dirHashLines(selected(rows, input));
  const digest: DirHash = `dirHash1:${digestHex(sha256(lines))}`;
  if (pin !== undefined && pin !== digest) {
    throw new CtxPackError("CTXPACK_E_CONFLICT", `the output of ${uri} is ${digest}, not ${pin}`, {
      hint: "pull the output that is pinned, or take the digest out",
      details: { expected: pin, found: digest },
    });
  }
  await context.onListing?.({ pointer, digest, lines });
  return digest;
}

/** Undefined when nobody has the pack, and a pin says what it would be. */
async function outputRows(
  packs: PackOutputs,
  input: PackInput,
  signal: AbortSignal | undefined,
): Promise<Iterable<{ readonly path: string; readonly digest: Digest }> | undefined> {
  try {
    return await packs.lines(input.pack, { signal });
  } catch (error) {
    const absent = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NOT_FOUND";
    if (absent && input.digest !== undefined) return undefined;
    throw error;
  }
}

function* selected(
  rows: Iterable<{ readonly path: string; readonly digest: Digest }>,
  input: PackInput,
): Generator<{ readonly path: string; readonly digest: Digest }> {
  const filter = compileFilter(input);
  for (const row of rows) if (filter.selects(row.path.normalize("NFC"))) yield row;
  const unmatched = filter.unmatched();
  if (unmatched.length === 0) return;
  throw new CtxPackError(
    "CTXPACK_E_TREE",
    `no file of the pack's output matches ${unmatched.map((text) => JSON.stringify(text)).join(", ")}`,
    { details: { unmatched } },
  );
}
