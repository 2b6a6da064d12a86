// Proofs and the tag at a registry that keeps no list of referrers: what others overwrite is there again before the tag.
import { setImmediate as turn } from "node:timers/promises";
import { startFaultRegistry } from "@ctxpack/test-tools";
import { expect, onTestFinished, test } from "vitest";
import { pushedIn, signerIn, workplaceWith } from "./trusting.ts";

test("several proofs are attached, whatever somebody overwrites, and then the tag is moved", async () => {
  const { cwd, open } = await workplaceWith("a", "b");
  await signerIn(cwd, "c");
  const uri = await pushedIn(cwd);
  const server = await startFaultRegistry({ referrers: false, ociSubject: false });
  onTestFinished(() => server[Symbol.asyncDispose]());
  await using ctx = await open("made");
  for (const name of ["a", "b", "c"]) await ctx.attest(uri, { key: `${name}.pem` });
  const entries = (): readonly { digest: string }[] => {
    for (const [tag, digest] of server.tags("acme/packs")) {
      if (!tag.startsWith("sha256-")) continue;
      return JSON.parse(String(server.manifests("acme/packs").get(digest))).manifests;
    }
    return [];
  };
  const tagOf = (start: string): string | undefined =>
    [...server.tags("acme/packs").keys()].find((tag) => tag.startsWith(start));

  let tagged: boolean | undefined;
  const overwriting = (async () => {
    while (entries().length < 3) await turn();
    tagged = tagOf("ctx-") !== undefined;
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const nothing = { schemaVersion: 2, mediaType, manifests: [] };
    server.putManifest("acme/packs", nothing, tagOf("sha256-") ?? "");
  })();
  const pushed = await ctx.push(uri, { to: `${server.host}/acme/packs` });
  await overwriting;
  expect(pushed.proofs).toBe(3);
  expect(tagged).toBe(false);
  expect(entries()).toHaveLength(3);
  const tagging = server.requests.findIndex(
    ({ method, url }) => method === "PUT" && url.includes("/manifests/ctx-"),
  );
  const listing = server.requests.findLastIndex(
    ({ method, url }) => method === "PUT" && url.includes("/manifests/sha256-"),
  );
  expect(tagging).toBeGreaterThan(listing);
});
