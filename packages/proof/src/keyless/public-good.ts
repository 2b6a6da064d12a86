/** The services that the sigstore community runs for everybody; what is logged there is public for good. */
export const PUBLIC_GOOD = {
  fulcioUrl: "https://fulcio.sigstore.dev",
  rekorV1Url: "https://rekor.sigstore.dev",
  tsaUrl: "https://timestamp.sigstore.dev/api/v1/timestamp",
  tufUrl: "https://tuf-repo-cdn.sigstore.dev",
} as const;

/** Whom an identity token for these services has to be for. */
export const AUDIENCE = "sigstore";
