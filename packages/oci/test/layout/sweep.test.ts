import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { OciLayout, pushBytes } from "@ctxpack/oci";
import { expect, it } from "vitest";
import { encode, pushArtifact, pushIndex } from "../graph.ts";
import { workplace } from "../workplace.ts";

const place = workplace();

async function agedLayout(): Promise<{ layout: OciLayout; age: () => Promise<void> }> {
  const layout = await OciLayout.open(join(await place(), "pantry"), { create: true });
  const blobs = join(layout.dir, "blobs/sha256");
  const old = new Date(Date.now() - 2 * 3_600_000);
  const age = async (): Promise<void> => {
    for (const name of await readdir(blobs)) await utimes(join(blobs, name), old, old);
  };
  return { layout, age };
}

it("removes what nothing leads to, and nothing else", async () => {
  const { layout, age } = await agedLayout();
  const kept = await pushArtifact(layout, ["a", "b"]);
  const inner = await pushArtifact(layout, ["c"]);
  await layout.tag(await pushIndex(layout, [inner]), "index");
  await layout.tag(kept, "v1");
  await pushArtifact(layout, ["proof"], { subject: kept });
  const loose = await pushBytes(layout, "text/plain", encode("loose"));
  const gone = await pushArtifact(layout, ["d", "a"]);
  await layout.tag(gone, "v2");
  await layout.untag("v2");
  const before = (await readdir(join(layout.dir, "blobs/sha256"))).length;
  expect(await layout.sweep()).toEqual({ blobs: 0, bytes: 0 });
  await age();
  const { blobs, bytes } = await layout.sweep();
  // The loose one, the untagged manifest and the layer that only it had.
  expect(blobs).toBe(3);
  expect(bytes).toBe(loose.size + gone.size + 1);
  expect(await readdir(join(layout.dir, "blobs/sha256"))).toHaveLength(before - 3);
  expect(await layout.exists(kept)).toBe(true);
  expect(await layout.exists(inner)).toBe(true);
});

it("leaves what somebody who writes has asked for", async () => {
  const { layout, age } = await agedLayout();
  const asked = await pushBytes(layout, "text/plain", encode("asked"));
  const other = await pushBytes(layout, "text/plain", encode("other"));
  await age();
  expect(await layout.exists(asked)).toBe(true);
  expect((await layout.sweep()).blobs).toBe(1);
  expect(await layout.exists(asked)).toBe(true);
  expect(await layout.exists(other)).toBe(false);
});
