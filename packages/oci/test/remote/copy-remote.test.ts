// Copies that end at a registry which does not have what it says it has.
import { bytesSource, copyGraph, type Descriptor, type Storage } from "@ctxpack/oci";
import type { Repository } from "@ctxpack/oci/remote";
import { expect, it } from "vitest";
import { describe as describeBlob, failure, faulty, noise, read } from "./fixture.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const config = Buffer.from("{}");
const layer = noise(100_000);
const manifest = json({
  schemaVersion: 2,
  mediaType: MANIFEST,
  artifactType: "application/vnd.example",
  config: describeBlob(config, "application/vnd.oci.empty.v1+json"),
  layers: [describeBlob(layer)],
});
const child = describeBlob(manifest, MANIFEST);
const index = json({ schemaVersion: 2, mediaType: INDEX, manifests: [child] });
const root = describeBlob(index, INDEX);

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

async function source() {
  const { repository, server } = await faulty();
  for (const bytes of [config, layer])
    await repository.push(describeBlob(bytes), bytesSource(bytes));
  await repository.push(child, bytesSource(manifest));
  await repository.push(root, bytesSource(index));
  return { repository, server };
}

/** What answers that it has `lied`, as a registry does that has lost it since, or never looked. */
function lying(to: Repository, lied: readonly Descriptor[]): Storage {
  return {
    exists: async (d, options) =>
      lied.some(({ digest }) => digest === d.digest) || (await to.exists(d, options)),
    fetch: (d, options) => to.fetch(d, options),
    push: (d, from, options) => to.push(d, from, options),
  };
}

it.each<[string, readonly Descriptor[]]>([
  ["a blob", [describeBlob(layer)]],
  ["a manifest that an index lists", [child]],
  ["a manifest and what it lists", [child, describeBlob(layer), describeBlob(config)]],
])("%s that is not there though the registry says so is sent", async (_, lied) => {
  const from = await source();
  const to = await faulty();
  await copyGraph(from.repository, lying(to.repository, lied), root);
  expect([...to.server.manifests("a/b").keys()].sort()).toEqual([child.digest, root.digest].sort());
  expect(Buffer.compare(await read(to.repository.fetch(describeBlob(layer))), layer)).toBe(0);
});

it("what is left out is not sent, and a registry that insists on it is told of", async () => {
  const from = await source();
  const to = await faulty();
  const work = copyGraph(from.repository, to.repository, root, {
    select: (d) => d.digest !== describeBlob(layer).digest,
  });
  expect((await failure(work)).details).toMatchObject({
    errors: [{ code: "MANIFEST_BLOB_UNKNOWN" }],
  });
  expect(to.server.blobs("a/b").has(describeBlob(layer).digest)).toBe(false);
});

it("a registry that has forgotten a blob gets it in the next copy, and nothing else", async () => {
  const from = await source();
  const to = await faulty();
  await copyGraph(from.repository, to.repository, root);
  await to.repository.delete(describeBlob(layer));
  const again = await copyGraph(from.repository, to.repository, root);
  expect(again.copied).toEqual({ blobs: 1, bytes: layer.length });
  expect(Buffer.compare(await read(to.repository.fetch(describeBlob(layer))), layer)).toBe(0);
});
