// What a signer says of a contract is a claim until the contract has been read.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CtxPack } from "@ctxpack/client";
import type { CtxUri } from "@ctxpack/identity";
import { OciLayout } from "@ctxpack/oci";
import { attachBundle, createStatement, localSigner, signStatement } from "@ctxpack/proof";
import { beforeEach, expect, test } from "vitest";
import { contract, type OpenAt, proofsOf, pushedIn, workplaceWith } from "./trusting.ts";

let cwd: string;
let open: OpenAt;
let uri: CtxUri;
beforeEach(async () => {
  ({ cwd, open } = await workplaceWith("team"));
  uri = await pushedIn(cwd);
});

/** The team's policy, for packs by one tool only. */
function onlyBy(tool: string): void {
  const policy = JSON.parse(readFileSync(join(cwd, "team.json"), "utf8"));
  policy.rules[0].tools = [tool];
  writeFileSync(join(cwd, "team.json"), JSON.stringify(policy));
}

/** Attaches a proof, signed by the team, which says that another tool made the pack than its contract has. */
async function lieOfTool(tool: string): Promise<void> {
  const kept = await proofsOf(cwd, "made", uri);
  const said = new TextDecoder().decode(kept?.statement);
  const { predicateType, predicate } = JSON.parse(
    said.replaceAll('"tool":"ocr"', `"tool":"${tool}"`),
  );
  const layout = await OciLayout.open(join(cwd, "pantry"));
  const manifest = await layout.resolve(`ctx-${uri.slice(-64)}`);
  const subject = { name: uri, digest: manifest.digest };
  const signer = await localSigner({ file: join(cwd, "team.pem") });
  const { bytes } = await signStatement(createStatement({ subject, predicateType, predicate }), {
    signer,
  });
  await attachBundle(layout, manifest, bytes);
}

const LIE = { code: "CTXPACK_E_PROOF_CONTRACT" };

test("a lie about the tool is found on every way in", async () => {
  onlyBy("safe");
  await lieOfTool("safe");
  const ways: Record<string, (ctx: CtxPack) => Promise<unknown>> = {
    pull: (ctx) => ctx.pull(uri),
    inspect: (ctx) => ctx.inspect(uri, { from: "oci:pantry" }),
    verify: (ctx) => ctx.verify(uri, { from: "oci:pantry" }),
    run: (ctx) => ctx.getOrCompute(contract, async () => {}),
  };
  for (const [name, go] of Object.entries(ways)) {
    await using ctx = await open(`way-${name}`, "team.json");
    await expect(go(ctx), name).rejects.toMatchObject(LIE);
  }
  await using ctx = await open("way-resolve", "team.json");
  expect(await ctx.resolve(contract)).toMatchObject({ hit: false });
  expect(await ctx.explainPack(uri)).toMatchObject({ accepted: false });
  const similar = { transforms: [{ tool: "ocr", tool_version: "2" }] };
  expect(await ctx.why(similar)).not.toHaveProperty("explanation");
  await using trusting = await open("way-why");
  expect(await trusting.why(similar)).toMatchObject({ explanation: { nearest: { uri } } });
});

test("also when the pack is in the store already", async () => {
  onlyBy("safe");
  await lieOfTool("safe");
  await using careless = await open("b");
  await careless.pull(uri);
  await using ctx = await open("b", "team.json");
  await expect(ctx.pull(uri)).rejects.toMatchObject(LIE);
  expect((await proofsOf(cwd, "b", uri))?.acceptances ?? []).toEqual([]);
});

test("the truth is accepted by the same rule, a lie beside it does no harm", async () => {
  onlyBy("ocr");
  await lieOfTool("safe");
  await using made = await open("made");
  await made.attest(uri, { key: "team.pem", to: "oci:pantry" });
  await using ctx = await open("b", "team.json");
  expect(await ctx.pull(uri)).toMatchObject({ verified: "policy" });
  expect(await ctx.verify(uri)).toMatchObject({ verified: "proof", clean: true });
});
