import type { SigstoreService } from "./faults.ts";

/** The signing_config.json (v0.2) by which a client finds the services. */
export function signingConfigJson(urls: Readonly<Record<SigstoreService, string>>): string {
  const service = (url: string) => ({
    url,
    majorApiVersion: 1,
    validFor: { start: "2026-01-01T00:00:00Z" },
    operator: "test",
  });
  return JSON.stringify({
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    caUrls: [service(urls.fulcio)],
    rekorTlogUrls: [service(urls.rekorV1)],
    rekorTlogConfig: { selector: "ANY" },
    tsaUrls: [service(`${urls.tsa}/api/v1/timestamp`)],
    tsaConfig: { selector: "ANY" },
  });
}
