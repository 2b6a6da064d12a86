// A tag names one output: that one is judged, not what the store happens to have of the same contract.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CtxUri } from "@ctxpack/identity";
import { beforeEach, expect, test } from "vitest";
import { contract, type OpenAt, pushedIn, workplaceWith } from "./trusting.ts";

const TAG = "oci:pantry:stable";

let cwd: string;
let open: OpenAt;
let uri: CtxUri;
beforeEach(async () => {
  ({ cwd, open } = await workplaceWith("team"));
  uri = await pushedIn(cwd, "team");
  await using ctx = await open("b", "team.json");
  await ctx.pull(uri);
});

/** Moves the tag to another output of the same contract; signed by `signers`. */
async function moved(...signers: string[]): Promise<void> {
  writeFileSync(join(cwd, "out/data"), "other data");
  await using ctx = await open("moving");
  await ctx.seed("out", { contract });
  await ctx.push(uri, { replace: true });
  for (const name of signers) await ctx.attest(uri, { key: `${name}.pem`, to: "oci:pantry" });
  await ctx.tag(uri, "stable", { to: "oci:pantry" });
}

function manifestOfTag(): string {
  const { manifests } = JSON.parse(readFileSync(join(cwd, "pantry/index.json"), "utf8"));
  const named = manifests.find(
    (one: { annotations?: Record<string, string> }) =>
      one.annotations?.["org.opencontainers.image.ref.name"] === "stable",
  );
  return named.digest;
}

test("an output that nobody signed is refused, whatever the store has", async () => {
  await moved();
  await using ctx = await open("b", "team.json");
  await expect(ctx.verify(TAG)).rejects.toMatchObject({ code: "CTXPACK_E_PROOF_MISSING" });
  expect(await ctx.verify(uri)).toMatchObject({ verified: "proof", proof: { where: "store" } });
});

test("an output that is signed is accepted as what it is, and the store's bytes are not read for it", async () => {
  await moved("team");
  await using ctx = await open("b", "team.json");
  const done = await ctx.verify(TAG);
  expect(done.proof).toMatchObject({ where: "oci:pantry", manifest: manifestOfTag() });
  expect(done.checked.packs).toBe(0);
});

test("the output that the store has is read, too", async () => {
  await using made = await open("made");
  await made.tag(uri, "stable", { to: "oci:pantry" });
  await using ctx = await open("b", "team.json");
  expect(await ctx.verify(TAG)).toMatchObject({ proof: { where: "oci:pantry" }, clean: true });
  expect((await ctx.verify(TAG)).checked.packs).toBe(1);
});

test("without a policy the store's bytes are not passed off as those of the tag", async () => {
  await moved();
  await using ctx = await open("b");
  await expect(ctx.verify(TAG)).rejects.toMatchObject({ code: "CTXPACK_E_CONFLICT" });
});
