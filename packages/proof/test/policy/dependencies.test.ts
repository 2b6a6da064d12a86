import { createHash } from "node:crypto";
import type { Digest } from "@ctxpack/identity";
import { evaluateWithDependencies, type VerifiedBundle } from "@ctxpack/proof";
import { expect, it } from "vitest";
import { bundle, NOW, type PACK, requiring } from "./fixture.ts";

const digestOf = (name: string): Digest =>
  `sha256:${createHash("sha256").update(name).digest("hex")}`;

/** A pack by a name, and the packs it was made from. */
function made(name: string, from: readonly string[], by: "alice" | "bob" = "alice") {
  const manifest = digestOf(name);
  const uri = `ctx://${digestOf(`contract of ${name}`)}` as const;
  const dependencies = from.map((other) => ({
    name: `inputs/${other}`,
    uri: `ctx://${digestOf(`contract of ${other}`)}`,
    digest: { dirHash1: digestOf(other).slice(7) },
    annotations: { ctxpack_role: "pack", ctxpack_manifest: digestOf(other) },
  }));
  const plain = bundle({ by, made: { contract: uri, dependencies } });
  const verified: VerifiedBundle = {
    ...plain,
    statement: { ...plain.statement, subject: [{ name, digest: { sha256: manifest.slice(7) } }] },
  };
  const pack: typeof PACK = { manifest, uri, pantry: "ghcr.io/acme/packs" };
  return { pack, verified: [verified], refused: [] };
}

async function judge(packs: readonly ReturnType<typeof made>[]) {
  const asked: string[] = [];
  const [first] = packs as [ReturnType<typeof made>];
  const verdict = await evaluateWithDependencies(
    {
      policies: [await requiring({ signers: ["alice"] }, { dependencies: "verify" })],
      ...first,
      now: NOW,
    },
    {
      gather: async ({ digest }) => {
        asked.push(digest as string);
        return packs.find(({ pack }) => pack.manifest === digest);
      },
    },
  );
  return { verdict, asked };
}

it("follows packs to packs, each once", async () => {
  const { verdict, asked } = await judge([
    made("a", ["b", "c"]),
    made("b", ["d"]),
    made("c", ["d"]),
    made("d", []),
  ]);
  expect(verdict.accepted).toBe(true);
  expect(asked).toHaveLength(3);
});

it.each([
  ["that somebody else signed", [made("a", ["b"]), made("b", [], "bob")]],
  [
    "that is made from one that somebody else signed",
    [made("a", ["b"]), made("b", ["c"]), made("c", [], "bob")],
  ],
  ["that is not to be had", [made("a", ["b"])]],
  ["that is made from this one", [made("a", ["b"]), made("b", ["a"])]],
  ["that is made from itself", [made("a", ["b"]), made("b", ["b"])]],
  [
    "that is too deep",
    Array.from({ length: 20 }, (_, n) => made(`n${n}`, n < 19 ? [`n${n + 1}`] : [])),
  ],
  [
    "of which there are too many",
    [
      made(
        "a",
        Array.from({ length: 300 }, (_, n) => `n${n}`),
      ),
      ...Array.from({ length: 300 }, (_, n) => made(`n${n}`, [])),
    ],
  ],
])("one %s is refused", async (_, packs) => {
  const { verdict, asked } = await judge(packs);
  expect(verdict.failure).toMatchObject({
    code: "CTXPACK_E_PROOF_DEPENDENCY",
    message: expect.stringMatching(/is refused$/),
  });
  expect(asked.length).toBeLessThanOrEqual(256);
});

it("an aborted one throws the reason", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  const evaluation = { policies: [], ...made("a", []), now: NOW };
  await expect(
    evaluateWithDependencies(evaluation, { gather: async () => undefined, signal }),
  ).rejects.toThrow("enough");
});
