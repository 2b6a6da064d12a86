import {
  type IdentityProvider,
  type KeylessServices,
  keylessSigner,
  parseTrustRoot,
  rekorV1Witness,
  rekorV2Witness,
  signStatement,
  type TrustRoot,
  tsaWitness,
  type VerifiedBundle,
  verifyBundle,
  type Witness,
} from "@ctxpack/proof";
import { identityToken, type Sigstore, startSigstore } from "@ctxpack/test-tools";
import { afterAll, beforeAll } from "vitest";
import { testStatement } from "../fixture.ts";

/** Sigstore's services for the tests of one file. */
export function sigstore(): { readonly now: Sigstore } {
  let started: Sigstore | undefined;
  beforeAll(async () => {
    started = await startSigstore();
  });
  afterAll(async () => {
    await started?.[Symbol.asyncDispose]();
  });
  return {
    get now() {
      if (started === undefined) throw new Error("not before a test begins");
      return started;
    },
  };
}

export const TESTER: IdentityProvider = { token: async () => identityToken() };

export function servicesOf(
  { urls }: Sigstore,
  ...witnesses: ("tsa" | "rekorV1" | "rekorV2")[]
): KeylessServices {
  const all: Record<"tsa" | "rekorV1" | "rekorV2", () => Witness> = {
    tsa: () => tsaWitness({ url: `${urls.tsa}/api/v1/timestamp` }),
    rekorV1: () => rekorV1Witness({ url: urls.rekorV1 }),
    rekorV2: () => rekorV2Witness({ url: urls.rekorV2 }),
  };
  return {
    signer: keylessSigner({ identity: TESTER, fulcioUrl: urls.fulcio }),
    witnesses: witnesses.map((name) => all[name]()),
  };
}

export function trustRootOf({ trustedRoot }: Sigstore): TrustRoot {
  return parseTrustRoot("mock", new TextEncoder().encode(trustedRoot));
}

/** The trust root with some of its members replaced. */
export function trustRootWith({ trustedRoot }: Sigstore, members: object): TrustRoot {
  const json = { ...JSON.parse(trustedRoot), ...members };
  return parseTrustRoot("mock", new TextEncoder().encode(JSON.stringify(json)));
}

export async function signWith(services: KeylessServices): Promise<Uint8Array> {
  return (await signStatement(testStatement(), services)).bytes;
}

export function verifyWith(bytes: Uint8Array, root: TrustRoot): Promise<VerifiedBundle> {
  return verifyBundle(bytes, { keys: [], trustRoots: [root] });
}
