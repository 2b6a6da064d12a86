import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import {
  ambientIdentity,
  keylessServices,
  localSigner,
  type MetricsSink,
  parseSigningConfig,
  type Signer,
  type Witness,
} from "@ctxpack/proof";

/** What to sign with: a key file, or who this job is. */
export interface SignerChoice {
  /** A private key, PEM. */
  readonly key?: string | undefined;
  /** Sign with a certificate for who the environment's identity token says. */
  readonly keyless?: boolean | undefined;
  /** sigstore's signing configuration: which services make certificate, timestamp, log entry. */
  readonly signingConfig?: string | undefined;
}

/**
 * Opens what is signed with. The passphrase of a key is `CTXPACK_KEY_PASSPHRASE` of `env`; the identity token is
 * `SIGSTORE_ID_TOKEN`, or GitHub's.
 *
 * @throws CtxPackError `CTXPACK_E_USAGE` unless exactly one of the two is chosen; `CTXPACK_E_KEY_FILE`; `CTXPACK_E_AUTH`
 *   without an identity token; `CTXPACK_E_CONFIG` for a signing configuration that is none.
 */
export async function openSigner(
  choice: SignerChoice,
  options: {
    readonly cwd: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    /** Hears how long certificate, timestamp and log entry took. */
    readonly metrics?: MetricsSink | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<{ readonly signer: Signer; readonly witnesses: readonly Witness[] }> {
  const { cwd, env, metrics, signal } = options;
  const { key, keyless, signingConfig } = choice;
  if ((key === undefined) === (keyless !== true)) {
    throw new CtxPackError("CTXPACK_E_USAGE", "what to sign with is not said", {
      hint: "give --key FILE (ctxpack keygen makes one), or --keyless",
    });
  }
  if (key !== undefined) {
    const passphrase = env["CTXPACK_KEY_PASSPHRASE"];
    const signer = await localSigner({ file: resolve(cwd, key), passphrase, signal });
    return { signer, witnesses: [] };
  }
  const identity = ambientIdentity(env);
  if (signingConfig === undefined) return keylessServices({ identity, metrics });
  const bytes = await readFile(resolve(cwd, signingConfig)).catch((cause) => {
    const message = `${signingConfig} cannot be read`;
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", message, { cause });
  });
  const config = parseSigningConfig(bytes, signingConfig);
  return keylessServices({ identity, config, metrics });
}
