/** What a signature was made with, as it goes into a bundle. */
export type SigningIdentity =
  /** A key that a verifier has to know: SPKI in PEM, and its OpenSSH SHA256 fingerprint. */
  | { readonly kind: "key"; readonly publicKey: string; readonly keyId: string }
  /** A leaf certificate in PEM. */
  | { readonly kind: "certificate"; readonly certificate: string };

/** A signature, and who made it. */
export interface Signature {
  /** ECDSA: ASN.1 DER; Ed25519: the 64 bytes of RFC 8032. */
  readonly signature: Uint8Array;
  readonly identity: SigningIdentity;
}

/** Signs bytes: a key file, a key in hardware or a cloud service, or a certificate got for the occasion. */
export interface Signer {
  /** Signs `bytes` as they are (not a digest of them): for ECDSA P-256 the digest taken is SHA-256. */
  sign(
    bytes: Uint8Array,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Signature>;
}

/** What is asked to witness a signature. */
export interface Signed extends Signature {
  /** The pre-authentication encoding that was signed. */
  readonly pae: Uint8Array;
  /** The DSSE envelope as JSON. */
  readonly envelope: string;
}

/** What a witness adds to a bundle's `verificationMaterial`, in the JSON of the bundle (protojson). */
export interface Witnessed {
  readonly tlogEntries?: readonly object[];
  /** RFC 3161 TimeStampResp, DER. */
  readonly timestamps?: readonly Uint8Array[];
}

/** A timestamping authority or a transparency log. */
export interface Witness {
  witness(
    signed: Signed,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Witnessed>;
}
