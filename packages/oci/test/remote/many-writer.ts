// Pushes one of four artifacts and pulls the next, as a process of its own: HOST NUMBER.
import { createHash } from "node:crypto";
import { bytesSource, type Descriptor, describeBytes } from "@ctxpack/oci";
import { Registry } from "@ctxpack/oci/remote";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCTETS = "application/octet-stream";
const host = process.argv[2] ?? "";
const number = Number(process.argv[3]);

/** Five blobs of which two are in every artifact. */
function artifact(which: number) {
  const blobs = [0, 1, 2, 3, 4].map((i) =>
    createHash("shake256", { outputLength: 200_000 })
      .update(i < 2 ? `same ${i}` : `${which} ${i}`)
      .digest(),
  );
  const layers = blobs.map((bytes) => describeBytes(OCTETS, bytes));
  const config = new TextEncoder().encode("{}");
  const bytes = new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType: "application/vnd.example",
      config: describeBytes("application/vnd.oci.empty.v1+json", config),
      layers,
      annotations: { which: String(which) },
    }),
  );
  return { blobs: [...blobs, config], root: describeBytes(MANIFEST, bytes), bytes };
}

await using registry = new Registry(host, {
  plainHttp: true,
  headers: { "x-writer": String(number) },
});
const repository = registry.repository("many/packs");
const own = artifact(number % 4);
// Each blob twice at once: within a process it is sent once.
const pushed = [...own.blobs, ...own.blobs].map(async (bytes) => {
  const d: Descriptor = describeBytes(OCTETS, bytes);
  if (!(await repository.exists(d))) await repository.push(d, bytesSource(bytes));
});
await Promise.all(pushed);
await repository.push(own.root, bytesSource(own.bytes));
await repository.tag(own.root, `v${number % 4}`);
for (const bytes of own.blobs) {
  const chunks: Uint8Array[] = [];
  for await (const chunk of repository.fetch(describeBytes(OCTETS, bytes))) chunks.push(chunk);
  if (Buffer.compare(Buffer.concat(chunks), bytes) !== 0) throw new Error("other bytes came back");
}
