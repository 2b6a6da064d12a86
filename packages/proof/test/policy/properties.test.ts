import { evaluate, type LoadedPolicy, type VerifiedBundle } from "@ctxpack/proof";
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  BUILD_TYPE,
  BUILDER,
  bundle,
  judge,
  KEYS,
  MANIFEST,
  NOW,
  PACK,
  policy,
} from "./fixture.ts";

const OTHER = `sha256:${"b".repeat(64)}` as const;

/** The first of them in three cases of four: otherwise hardly a pack would be accepted. */
function usually<T>(first: T, ...others: T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant(first) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
}

const who = fc.constantFrom("alice", "bob", "carol") as fc.Arbitrary<keyof typeof KEYS>;
const some = fc.uniqueArray(who, { minLength: 1, maxLength: 3 });
const time = fc.constantFrom(
  "2026-11-01T00:00:00Z",
  "2026-11-10T00:00:00Z",
  "2026-11-19T00:00:00Z",
);

const pack = fc.constantFrom(MANIFEST, OTHER).map((manifest) => ({
  name: "inputs/base",
  uri: `ctx://sha256:${"d".repeat(64)}`,
  digest: { dirHash1: "e".repeat(64) },
  annotations: { ctxpack_role: "pack", ctxpack_manifest: manifest },
}));

const bundles: fc.Arbitrary<VerifiedBundle[]> = fc.array(
  fc
    .record({
      by: who,
      at: fc.array(time, { maxLength: 2 }),
      logEntries: fc.nat({ max: 1 }),
      made: fc.record(
        {
          tools: usually(["ocr"], ["embed"], ["embed", "ocr"]),
          buildType: usually(BUILD_TYPE, "https://actions.github.io/buildtypes/workflow/v1"),
          builder: usually(BUILDER, "https://x.example/builder"),
          parameters: usually({}, { extra: 1 }),
          dependencies: fc.array(pack, { maxLength: 1 }),
        },
        { requiredKeys: [] },
      ),
    })
    .map((signed) => bundle(signed)),
  { maxLength: 6 },
);

const requirement = fc.oneof(
  fc.record({
    signers: some,
    threshold: fc.constantFrom(1, 1, 2),
    maxAge: fc.constantFrom("P5D", "P365D"),
  }),
  fc.record({ signers: some }),
  fc.record({
    signers: some,
    buildTypes: fc.constant([
      "https://actions.github.io/buildtypes/workflow/v1",
      "https://ctxpack.dev/buildtypes/contract-pack/v1",
    ]),
  }),
  some.map((signers) => ({ builders: [{ id: BUILDER, signers }] })),
);

const rule = fc.record(
  {
    pantries: usually(["ghcr.io/acme/**"], ["ghcr.io/other/*"]),
    tools: fc.constantFrom(["ocr"], ["*"], ["embed"]),
    rollback: fc.constantFrom("deny", "allow"),
    dependencies: fc.constantFrom("digest", "verify"),
    require: fc.array(requirement, { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: ["require"] },
);

const policies = fc.array(
  fc.record({
    rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
    revoked: fc.constantFrom(
      [],
      [{ key: KEYS.carol.keyId, reason: "lost" }],
      [{ digest: OTHER, reason: "poisoned" }],
    ),
  }),
  { minLength: 1, maxLength: 2 },
);

const world = fc.record({
  policies,
  bundles,
  seen: usually(undefined, "2026-11-01T00:00:00Z", "2026-11-10T00:00:00Z"),
  baseAccepted: fc.boolean(),
});

type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

async function load(written: World["policies"]): Promise<LoadedPolicy[]> {
  // A threshold above the number of signers is a mistake in the file, not in what is judged.
  const plain = written.map(({ rules, revoked }) => ({
    revoked,
    rules: rules.map((one) => ({
      ...one,
      require: one.require.map((r) =>
        "threshold" in r ? { ...r, threshold: Math.min(r.threshold, r.signers.length) } : r,
      ),
    })),
  }));
  return Promise.all(plain.map((change) => policy(change)));
}

function given({ seen, baseAccepted }: World) {
  return {
    seen: {
      last: () => (seen === undefined ? undefined : { time: new Date(seen), manifest: OTHER }),
    },
    dependencies: new Map([[OTHER, baseAccepted]]),
  };
}

let accepted = 0;

it("one proof more never makes a pack refused", async () => {
  await fc.assert(
    fc.asyncProperty(world, async (one) => {
      const loaded = await load(one.policies);
      for (let n = 0; n < one.bundles.length; n++) {
        const before = judge(loaded, one.bundles.slice(0, n), given(one));
        const after = judge(loaded, one.bundles.slice(0, n + 1), given(one));
        if (!before.accepted) continue;
        accepted++;
        expect(after.accepted).toBe(true);
        expect(after.bundles).toEqual(expect.arrayContaining([...before.bundles]));
      }
    }),
    { numRuns: 2000 },
  );
  // Otherwise it would have been about nothing.
  expect(accepted).toBeGreaterThan(100);
});

it("one policy more never makes a pack accepted", async () => {
  await fc.assert(
    fc.asyncProperty(world, world, async (one, other) => {
      const [mine, theirs] = [await load(one.policies), await load(other.policies)];
      const alone = judge(mine, one.bundles, given(one));
      const together = judge([...mine, ...theirs], one.bundles, given(one));
      if (together.accepted) expect(alone.accepted).toBe(true);
    }),
    { numRuns: 500 },
  );
});

it("the order of proofs, and that one comes twice, makes no difference", async () => {
  await fc.assert(
    fc.asyncProperty(world, fc.infiniteStream(fc.nat()), async (one, keys) => {
      const loaded = await load(one.policies);
      const shuffled = [...one.bundles, ...one.bundles.slice(0, 2)]
        .map((each) => ({ each, key: keys.next().value as number }))
        .sort((a, b) => a.key - b.key)
        .map(({ each }) => each);
      const found = evaluate({
        policies: loaded,
        pack: PACK,
        verified: shuffled,
        refused: [],
        now: NOW,
        ...given(one),
      });
      expect(found).toEqual(judge(loaded, one.bundles, given(one)));
    }),
    { numRuns: 500 },
  );
});
