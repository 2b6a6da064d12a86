import type { Exchange } from "./exchange.ts";
import { parseManifest } from "./manifests.ts";
import { page } from "./pages.ts";
import type { Store } from "./store.ts";

const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

/** GET of the manifests whose subject is this digest (distribution-spec, "Listing Referrers"). */
export function handleReferrers(
  exchange: Exchange,
  store: Store,
  repository: string,
  digest: string,
): void {
  const { faults } = exchange;
  if (faults.referrersHtml) {
    exchange.html(200, "Sign in");
    return;
  }
  if (faults.referrers === false && !faults.falseReferrers200) {
    exchange.reply(404, { "Content-Type": "text/plain" }, "404 page not found\n");
    return;
  }
  if (exchange.method !== "GET") {
    exchange.error(405, "UNSUPPORTED", "method not allowed");
    return;
  }
  const wanted =
    faults.filtersApplied === false ? null : exchange.url.searchParams.get("artifactType");
  const all = [];
  for (const [own, { bytes, mediaType }] of store.find(repository)?.manifests ?? []) {
    const manifest = parseManifest(bytes);
    if (faults.falseReferrers200 || manifest?.subject?.digest !== digest) continue;
    const artifactType = manifest.artifactType ?? manifest.config?.mediaType;
    if (wanted !== null && artifactType !== wanted) continue;
    const { annotations } = manifest;
    all.push({ mediaType, digest: own, size: bytes.length, artifactType, annotations });
  }
  all.sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const { entries, headers } = page(exchange, all, (entry) => entry.digest);
  exchange.json(
    200,
    { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: entries },
    {
      ...headers,
      ...(wanted !== null && { "OCI-Filters-Applied": "artifactType" }),
      "Content-Type": INDEX_TYPE,
    },
  );
}
