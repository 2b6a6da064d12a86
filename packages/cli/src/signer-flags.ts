import type { FlagValues } from "./flags.ts";

/** What is signed with. The passphrase of a key is CTXPACK_KEY_PASSPHRASE: never a secret in a flag. */
export const SIGNER_FLAGS = {
  key: { type: "string", value: "FILE", about: "private key; ctxpack keygen makes one" },
  keyless: { type: "boolean", about: "sign as who this job is, with a certificate of sigstore" },
  "signing-config": {
    type: "string",
    value: "FILE",
    about: "signing_config.json: which services --keyless asks; sigstore's public ones",
  },
} as const;

/** What the library is told by them. */
export function signerOf(flags: FlagValues<typeof SIGNER_FLAGS>): {
  readonly key: string | undefined;
  readonly keyless: boolean | undefined;
  readonly signingConfig: string | undefined;
} {
  return { key: flags.key, keyless: flags.keyless, signingConfig: flags["signing-config"] };
}
