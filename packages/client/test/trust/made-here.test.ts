// Who made a pack and was killed before it was written down how says so the next time.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { contract, proofsOf, pushedIn, workplaceWith } from "./trusting.ts";

test("a seed that made nothing says how the pack was made where nothing does", async () => {
  const { cwd, open } = await workplaceWith();
  const uri = await pushedIn(cwd);
  const before = await proofsOf(cwd, "made", uri);
  expect(before?.statement).toBeDefined();
  rmSync(join(cwd, "made/proofs"), { recursive: true });
  await using ctx = await open("made");
  expect(await ctx.seed("out", { contract })).toMatchObject({ created: false });
  expect((await proofsOf(cwd, "made", uri))?.statement).toBeDefined();
});

test("what a run has said of itself stays when its output is seeded again", async () => {
  const { cwd, open } = await workplaceWith();
  await using ctx = await open("made");
  const script = "require('fs').writeFileSync(process.argv[1], 'x')";
  const command = [process.execPath, "-e", script, "{out}"];
  const made = { ...contract, command, outputs: [{ path: "made.txt" }] };
  const { uri } = await ctx.run({ contract: made });
  const said = (await proofsOf(cwd, "made", uri))?.statement;
  expect(new TextDecoder().decode(said)).toContain("builders/run/");
  await ctx.pull(uri, { to: "copy" });
  expect(await ctx.seed("copy", { contract: made })).toMatchObject({ created: false });
  expect((await proofsOf(cwd, "made", uri))?.statement).toEqual(said);
});

test("a run that is packed again does too", async () => {
  const { cwd, open } = await workplaceWith();
  writeFileSync(join(cwd, "log.json"), JSON.stringify([{ role: "user", content: "hello" }]));
  await using ctx = await open("made");
  const pack = async () => {
    const all = [];
    for await (const one of ctx.traces.pack(join(cwd, "log.json"))) all.push(one);
    return all;
  };
  const [first] = await pack();
  const uri = first?.uri ?? "ctx://sha256:";
  expect((await proofsOf(cwd, "made", uri))?.statement).toBeDefined();
  rmSync(join(cwd, "made/proofs"), { recursive: true });
  expect(await pack()).toMatchObject([{ uri, created: false }]);
  expect((await proofsOf(cwd, "made", uri))?.statement).toBeDefined();
});

test("a pack from elsewhere stays one", async () => {
  const { cwd, open } = await workplaceWith();
  const uri = await pushedIn(cwd);
  await using ctx = await open("other");
  await ctx.pull(uri);
  expect(await ctx.seed("out", { contract })).toMatchObject({ created: false });
  expect((await proofsOf(cwd, "other", uri))?.statement).toBeUndefined();
});
