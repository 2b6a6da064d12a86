import {
  canonicalize,
  type JsonValue,
  parseContract,
  pointerSteps,
  type ResolvedContract,
  sha256,
} from "@ctxpack/identity";
import fc from "fast-check";
import { expect, test } from "vitest";
import { explain, type WhyDifference } from "../../src/why/explain.ts";
import { clausesOf } from "../../src/why/words.ts";

const nothing = { before: async () => undefined, after: async () => undefined };

function resolved(value: object): ResolvedContract {
  const text = JSON.stringify({ schema: "ctxpack.contract/v1", inputs: [], ...value });
  return parseContract(text).contract as ResolvedContract;
}

const key = fc.constantFrom("a", "b", "a/b", "~", "constructor", "x y");
const json = fc.oneof(fc.nat(2), fc.boolean(), fc.constantFrom("s", "t"));
const value = fc.oneof(json, fc.array(json, { maxLength: 3 }), fc.dictionary(key, json));
const digest = fc.nat(2).map((n) => sha256(Buffer.from(`secret ${n}`)));
const environment = fc.dictionary(fc.constantFrom("REGION", "MODE"), fc.option(digest), {
  minKeys: 1,
});
const transform = fc.record(
  {
    tool: fc.constantFrom("t", "u"),
    model: fc.constantFrom("m", "n"),
    params: fc.dictionary(key, value, { minKeys: 1, maxKeys: 4 }),
    env: environment,
  },
  { requiredKeys: ["tool"] },
);
const input = fc.record({ name: fc.constantFrom("p", "q", "r"), value });
const contract = fc
  .record(
    {
      command: fc.array(fc.constantFrom("x", "y"), { minLength: 1, maxLength: 3 }),
      inputs: fc.uniqueArray(input, { selector: ({ name }) => name, maxLength: 3 }),
      transforms: fc.array(transform, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: ["inputs", "transforms"] },
  )
  .map(resolved);

/** Puts what differs into a contract, taking from `ours` only what is never told: digests of variables. */
function apply(
  before: ResolvedContract,
  differences: readonly WhyDifference[],
  ours: ResolvedContract,
): JsonValue {
  const root = byName(before);
  const wanted = byName(ours);
  // Lists shrink from their end.
  for (const { pointer, kind, after } of differences.toReversed()) {
    if (kind !== "removed") continue;
    expect(after).toBeUndefined();
    remove(root, pointerSteps(pointer));
  }
  for (const { pointer, kind, after, env } of differences) {
    if (kind === "removed") continue;
    const steps = pointerSteps(pointer);
    const isTransform = steps[0] === "transforms" && steps.length === 2;
    if (env !== undefined || isTransform) {
      const told = get(wanted, steps) as JsonValue;
      if (isTransform) expect(namesOnly(told)).toEqual(after);
      else expect(env?.after).toBe(told === null ? "unset" : "set");
      put(root, steps, structuredClone(told));
    } else {
      put(root, steps, structuredClone(after) as JsonValue);
    }
  }
  return prune(root);
}

type Node = { [key: string]: unknown };

function byName({ inputs, ...rest }: ResolvedContract): Node {
  const named = inputs.map(({ name, ...said }) => [name, said]);
  return structuredClone({ ...rest, inputs: Object.fromEntries(named) });
}

function get(root: unknown, steps: readonly string[]): unknown {
  return steps.reduce((node, step) => (node as Node)[step], root);
}

function put(root: Node, steps: readonly string[], value: JsonValue): void {
  let node = root;
  for (const step of steps.slice(0, -1)) {
    node[step] ??= {};
    node = node[step] as Node;
  }
  Object.defineProperty(node, steps.at(-1) ?? "", {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}

function remove(root: Node, steps: readonly string[]): void {
  const parent = get(root, steps.slice(0, -1));
  const last = steps.at(-1) ?? "";
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete (parent as Node)[last];
}

/** All variables of a transform are told one by one: without any there is no list of them. */
function prune(root: Node): JsonValue {
  for (const transform of root["transforms"] as Node[]) {
    const { env } = transform;
    if (env !== undefined && Object.keys(env as Node).length === 0) delete transform["env"];
  }
  return root as unknown as JsonValue;
}

function namesOnly(transform: JsonValue): JsonValue {
  const { env, ...rest } = transform as { readonly [key: string]: JsonValue };
  return env === undefined ? rest : { ...rest, env: Object.keys(env ?? {}).sort() };
}

test("what differs, applied to the nearest contract, gives ours; digests of variables are nowhere", async () => {
  await fc.assert(
    fc.asyncProperty(contract, contract, async (nearest, ours) => {
      const differences = await explain(nearest, ours, nothing);
      const made = apply(nearest, differences, ours);
      expect(canonicalize(made)).toBe(canonicalize(byName(ours) as JsonValue));
      const told = JSON.stringify(differences) + clausesOf(differences);
      expect(told).not.toMatch(/[0-9a-f]{64}|sha256/);
    }),
    { numRuns: 500 },
  );
});

test("variables are told by name, one each: set, unset, or another value", async () => {
  const env = (values: object) => resolved({ transforms: [{ tool: "t", env: values }] });
  const [a, b] = [sha256(Buffer.from("a")), sha256(Buffer.from("b"))];
  const found = await explain(
    env({ GONE: a, OTHER: a, UNSET: a, SET: null }),
    env({ NEW: null, OTHER: b, UNSET: null, SET: a }),
    nothing,
  );
  expect(found).toEqual([
    { pointer: "/transforms/0/env/GONE", kind: "removed", env: { name: "GONE", before: "set" } },
    { pointer: "/transforms/0/env/NEW", kind: "added", env: { name: "NEW", after: "unset" } },
    {
      pointer: "/transforms/0/env/OTHER",
      kind: "changed",
      env: { name: "OTHER", before: "set", after: "set" },
    },
    {
      pointer: "/transforms/0/env/SET",
      kind: "changed",
      env: { name: "SET", before: "unset", after: "set" },
    },
    {
      pointer: "/transforms/0/env/UNSET",
      kind: "changed",
      env: { name: "UNSET", before: "set", after: "unset" },
    },
  ]);
  expect(clausesOf(found)).toBe(
    "the variable GONE does not count any more (transforms[0].env.GONE); " +
      "the variable NEW counts now (transforms[0].env.NEW); " +
      "the variable OTHER has another value (transforms[0].env.OTHER); " +
      "the variable SET was unset and is set (transforms[0].env.SET); " +
      "1 more (ctxpack why tells them)",
  );
});

test("a line says what and where, in the words of the contract", async () => {
  const listing = (...files: string[]) =>
    Buffer.from(
      files.map((file) => `${sha256(Buffer.from(file)).slice(7)}  ${file[0]}.pdf\n`).join(""),
    );
  const lists = { before: listing("a1", "b1", "c1"), after: listing("a2", "b2", "c1") };
  const digestOf = (lines: Uint8Array) => `dirHash1:${sha256(lines).slice(7)}`;
  const contractOf = (lines: Uint8Array, chunk_size: number) =>
    resolved({
      inputs: [{ name: "raw_docs", digest: digestOf(lines) }],
      transforms: [{ tool: "t", code_hash: digestOf(lines), params: { chunk_size } }],
    });
  const [before, after] = [contractOf(lists.before, 512), contractOf(lists.after, 256)];
  const found = await explain(before, after, {
    before: async (digest) => (digest === digestOf(lists.before) ? lists.before : undefined),
    after: async (digest) => (digest === digestOf(lists.after) ? lists.after : undefined),
  });
  expect(clausesOf(found)).toBe(
    "2 files of raw_docs changed: a.pdf, b.pdf; 2 files of the code changed: a.pdf, b.pdf; " +
      "chunk_size 512 → 256 (transforms[0].params.chunk_size)",
  );
  const unknown = await explain(before, after, nothing);
  expect(unknown[0]?.note).toContain(digestOf(lists.before));
  expect(clausesOf(unknown)).toContain(
    "raw_docs has changed (inputs.raw_docs.digest; its files are not known)",
  );
});

test("what a terminal would obey is spelled out", async () => {
  const of = (params: object) => resolved({ transforms: [{ tool: "t", params }] });
  const found = await explain(of({ a: 1 }), of({ a: "\u001b[31m\u202e" }), nothing);
  expect(clausesOf(found)).toBe('a 1 → "\\u001b[31m\\u202e" (transforms[0].params.a)');
});
