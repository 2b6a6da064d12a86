import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import {
  ambientIdentity,
  configuredWitnesses,
  keylessServices,
  localSigner,
  type MetricsSink,
  parseSigningConfig,
  type Signer,
  type SigningConfig,
  type Witness,
} from "@ctxpack/proof";

/** What to sign with: a key file, or who this job is. */
export interface SignerChoice {
  /** A private key, PEM. */
  readonly key?: string | undefined;
  /** Sign with a certificate for who the environment's identity token says. */
  readonly keyless?: boolean | undefined;
  /**
   * sigstore's signing configuration: which services make certificate, timestamp, log entry. With a key its timestamping
   * authorities and logs see the signature; without it nobody does.
   */
  readonly signingConfig?: string | undefined;
}

/** What `signStatement` needs: who signs, and who sees it. */
export interface OpenedSigner {
  readonly signer: Signer;
  readonly witnesses: readonly Witness[];
}

/**
 * Opens what is signed with. The passphrase of a key is `CTXPACK_KEY_PASSPHRASE` of `env`; the identity token is
 * `SIGSTORE_ID_TOKEN`, or GitHub's.
 *
 * @throws CtxPackError `CTXPACK_E_USAGE` unless exactly one of the two is chosen; `CTXPACK_E_KEY_FILE`; `CTXPACK_E_AUTH`
 *   without an identity token; `CTXPACK_E_CONFIG` for a signing configuration that is none, or has nobody to ask.
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
): Promise<OpenedSigner> {
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
    const config = await readSigningConfig(signingConfig, cwd);
    return {
      signer,
      witnesses: config === undefined ? [] : configuredWitnesses(config, { metrics }),
    };
  }
  const identity = ambientIdentity(env);
  const config = await readSigningConfig(signingConfig, cwd);
  return keylessServices({ identity, config, metrics });
}

async function readSigningConfig(
  file: string | undefined,
  cwd: string,
): Promise<SigningConfig | undefined> {
  if (file === undefined) return undefined;
  const bytes = await readFile(resolve(cwd, file)).catch((cause) => {
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${file} cannot be read`, { cause });
  });
  return parseSigningConfig(bytes, file);
}
