import { type FlagValues, TELEMETRY_FLAGS } from "./flags.ts";

const SIGNING = {
  key: { type: "string", value: "FILE", about: "private key; ctxpack keygen makes one" },
  keyless: { type: "boolean", about: "sign as who this job is, with a certificate of sigstore" },
  "signing-config": {
    type: "string",
    value: "FILE",
    about: "signing_config.json: whom --keyless asks, and who witnesses what a key signs",
  },
} as const;

/** What is signed with. The passphrase of a key is CTXPACK_KEY_PASSPHRASE: never a secret in a flag. */
export const SIGNER_FLAGS: typeof SIGNING & typeof TELEMETRY_FLAGS = {
  ...SIGNING,
  ...TELEMETRY_FLAGS,
};

/** What the library is told by them. */
export function signerOf(flags: FlagValues<typeof SIGNER_FLAGS>): {
  readonly key: string | undefined;
  readonly keyless: boolean | undefined;
  readonly signingConfig: string | undefined;
} {
  return { key: flags.key, keyless: flags.keyless, signingConfig: flags["signing-config"] };
}

const VERIFYING = {
  key: { type: "string", multiple: true, value: "FILE", about: "public key that counts" },
  identity: { type: "string", value: "NAME", about: "whose certificate counts, exactly" },
  issuer: { type: "string", value: "URL", about: "who vouched for that name" },
  "trusted-root": {
    type: "string",
    value: "FILE",
    about: "trusted_root.json for certificates; that of sigstore's public instance",
  },
  offline: { type: "boolean", about: "open no connection" },
} as const;

/** Whose signature is to count, without a policy. */
export const VERIFIER_FLAGS: typeof VERIFYING & typeof TELEMETRY_FLAGS = {
  ...VERIFYING,
  ...TELEMETRY_FLAGS,
};

/** What the library is told by them. */
export function signersOf(flags: FlagValues<typeof VERIFIER_FLAGS>): {
  readonly keys: readonly string[] | undefined;
  readonly identity: string | undefined;
  readonly issuer: string | undefined;
  readonly trustedRoot: string | undefined;
} {
  const { key: keys, identity, issuer } = flags;
  return { keys, identity, issuer, trustedRoot: flags["trusted-root"] };
}
