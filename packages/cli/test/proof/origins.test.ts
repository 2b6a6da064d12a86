// What a pack was made from, what that was made from, and who says so.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run } from "../run.ts";
import { packed, published } from "./published.ts";

cleanUp();

/** Packs, each made from the one before it: `raw` is what the first one is to the second. */
async function chain(names: readonly string[]): Promise<{ cwd: string; uris: string[] }> {
  const { cwd, uri } = await packed();
  const uris = [uri];
  for (const name of names) {
    const contract = {
      command: ["sh", "-c", `echo ${name} > "$0"`, "{out}"],
      transforms: [{ tool: name }],
      inputs: [{ name, pack: uris.at(-1) }],
      outputs: [{ path: "out.txt" }],
    };
    writeFileSync(join(cwd, `${name}.json`), JSON.stringify(contract));
    uris.push(await result(["run", "--contract", `${name}.json`], { cwd }));
  }
  return { cwd, uris };
}

test("inspect follows what a pack was made from, and says who made each", async () => {
  const { cwd, uris } = await chain(["raw", "text"]);
  const [first = "", second = "", third = ""] = uris;
  await result(["attest", first, "--key", "k.pem"], { cwd });
  const shown = await result(["inspect", third], { cwd });
  expect(shown).toMatch(
    new RegExp(
      [
        `^from +text: ${second}`,
        " +ctxpack ran the command.*; not signed, only recorded here",
        ` +raw: ${first}`,
        " +ctxpack ran the command.*; signed",
        " +signed with key SHA256:",
      ].join("\n"),
      "m",
    ),
  );
  const done = await run(["inspect", third, "--json"], { cwd });
  const stdout = `${JSON.stringify(JSON.parse(done.stdout).proofs)}\n`;
  const made = { uri: first, proofs: { provenance: { signed: true, packs: [] } } };
  expect(published("proofs", { ...done, stdout })).toMatchObject({
    provenance: {
      signed: false,
      packs: [{ uri: second, proofs: { provenance: { packs: [made] } } }],
    },
  });
});

test("what the store does not have is named, and not followed", async () => {
  const { cwd, uris } = await chain(["raw", "text"]);
  const [first = "", second = "", third = ""] = uris;
  await result(["rm", second], { cwd });
  const shown = await result(["inspect", third], { cwd });
  expect(shown).toContain(`text: ${second}`);
  expect(shown).not.toContain(first);
});

test("generations are followed up to eight", async () => {
  const names = Array.from({ length: 10 }, (_, i) => `g${i}`);
  const { cwd, uris } = await chain(names);
  const shown = await result(["inspect", uris.at(-1) as string], { cwd });
  expect(shown).toContain(uris.at(-9) as string);
  expect(shown).toContain(uris.at(-10) as string);
  expect(shown).not.toContain(uris.at(-11) as string);
});
