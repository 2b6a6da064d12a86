import { basename, resolve } from "node:path";
import {
  type MetricsSink,
  parseTrustRoot,
  readPublicKey,
  type SignatureOptions,
  type TrustRoot,
  TrustRootManager,
  trustDirectory,
} from "@ctxpack/proof";
import { type GivenSigners, namesIdentity, readTrustedRoot } from "../trust/given-signers.ts";

/** Who may have signed. Dispose it when all is verified: a trust root that is renewed in the background is waited for then. */
export type OpenedSignerFiles = Omit<SignatureOptions, "bundles"> & AsyncDisposable;

/**
 * Reads who may have signed; nothing when nobody is named. Paths are relative to `cwd`. A certificate is verified with
 * `trustedRoot`, or else with that of sigstore's public instance, which is kept in the trust directory and refreshed
 * unless `offline`, or the configuration, says that no socket is opened.
 *
 * @throws CtxPackError `CTXPACK_E_KEY_FILE`, `CTXPACK_E_PATH_NOT_FOUND`, `CTXPACK_E_PROOF_TRUST_ROOT`,
 *   `CTXPACK_E_UNAVAILABLE`, `CTXPACK_E_CONFIG`; `CTXPACK_E_USAGE` when a certificate is to count and not whose.
 */
export async function readSignerFiles(
  given: GivenSigners,
  options: {
    readonly cwd: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly offline?: boolean | undefined;
    readonly metrics?: MetricsSink | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<OpenedSignerFiles | undefined> {
  const { identity = "", issuer = "", keys = [], trustedRoot } = given;
  const isNamed = namesIdentity(given);
  if (keys.length === 0 && !isNamed) return undefined;
  const named = keys.map(async (file) => ({
    name: basename(file).replace(/\.(?:pub|pem)$/, ""),
    publicKey: await readPublicKey(resolve(options.cwd, file), options),
  }));
  const keyList = await Promise.all(named);
  await using opening = new AsyncDisposableStack();
  const trustRoots = isNamed ? [await trustRootOf(trustedRoot, options, opening)] : [];
  const opened = opening.move();
  return {
    keys: keyList,
    trustRoots,
    identities: isNamed ? [{ identity, issuer }] : [],
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function trustRootOf(
  file: string | undefined,
  options: Parameters<typeof readSignerFiles>[1],
  opening: AsyncDisposableStack,
): Promise<TrustRoot> {
  const { cwd, env, metrics, signal } = options;
  if (file !== undefined) return parseTrustRoot(file, await readTrustedRoot(cwd, file));
  // Not before it is needed: with keys alone no configuration matters.
  const { loadConfig } = await import("../config.ts");
  const config = loadConfig({ cwd, env });
  const directory = trustDirectory({ env, workspace: config.workspace });
  const offline = options.offline ?? config.offline;
  const manager = opening.use(new TrustRootManager({ directory, offline, metrics }));
  return await manager.get({ signal });
}
