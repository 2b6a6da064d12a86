import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readContract, resolveContract } from "@ctxpack/identity";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Members = { [key: string]: Json };

/** A contract and the disk and environment it is resolved on. */
interface World {
  readonly contract: { readonly inputs: Members[]; readonly transforms: Members[] } & Members;
  /** Files of each path input, by its name. */
  readonly trees: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly env: Readonly<Record<string, string>>;
}

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,8}$/);
const json = fc
  .jsonValue({ maxDepth: 3 })
  .filter((value) => !/[0-9]{16}/.test(JSON.stringify(value))) as fc.Arbitrary<Json>;
const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const fileName = fc.stringMatching(/^[a-zé][a-z0-9 .-]{0,5}[a-z]$/);
const tree = fc.dictionary(fileName, text, { minKeys: 1, maxKeys: 4 });
const params = fc.dictionary(text, json, { maxKeys: 4 });

const input = fc.oneof(
  fc.record({ name, kind: fc.constant("path"), files: tree }),
  fc.record({ name, kind: fc.constant("value"), value: json }),
  fc.record({ name, kind: fc.constant("digest"), digest: hex }),
);
const transform = fc.record(
  {
    tool: text,
    tool_version: text,
    model: text,
    code_hash: hex.map((digits) => `sha256:${digits}`),
    env: fc.uniqueArray(fc.constantFrom("A", "B", "C"), { minLength: 1 }),
    params: params.filter((members) => Object.keys(members).length > 0),
  },
  { requiredKeys: ["tool"] },
);
const world: fc.Arbitrary<World> = fc
  .record({
    inputs: fc.uniqueArray(input, { selector: ({ name }) => name, maxLength: 3 }),
    transforms: fc.array(transform, { minLength: 1, maxLength: 3 }),
    command: fc.option(fc.array(text, { minLength: 1, maxLength: 3 }), { nil: undefined }),
    env: fc.dictionary(fc.constantFrom("A", "B"), fc.string({ unit: "grapheme" })),
  })
  .map(({ inputs, transforms, command, env }) => ({
    contract: {
      inputs: inputs.map(asInput),
      transforms: transforms as unknown as Members[],
      ...(command === undefined ? {} : { command }),
    } as World["contract"],
    trees: Object.fromEntries(
      inputs.flatMap((entry) => ("files" in entry ? [[entry.name, entry.files]] : [])),
    ),
    env,
  }));

const root = mkdtempSync(join(tmpdir(), "ctxpack-random-"));
let count = 0;

afterAll(() => rmSync(root, { recursive: true }));

describe("1,000 random contracts and trees", () => {
  it("have one URI in every order, spelling, place and with every label", async () => {
    await fc.assert(
      fc.asyncProperty(world, fc.nat(), labels(), async (drawn, seed, decoration) => {
        const plain = await uriOf(drawn, (value) => JSON.stringify(value), "contract.json");
        const decorated = { ...drawn, contract: { ...drawn.contract, ...decoration } };
        const [spell, file] = spelling(seed);
        expect(await uriOf(decorated as World, spell, file)).toBe(plain);
      }),
      { numRuns: 500 },
    );
  });

  it("change their URI with every byte, name, param, tool, model, version, code and variable", async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(world, fc.nat(), async (drawn, seed) => {
        // One of each kind, so that the rare kinds are drawn as often as the others.
        const possible = [...new Map(changes(drawn))];
        const [what, changed] = possible[seed % possible.length] ?? ["nothing", drawn];
        seen.set(what, (seen.get(what) ?? 0) + 1);
        const [spell, file] = spelling(seed);
        expect(await uriOf(changed, spell, file), what).not.toBe(await uriOf(drawn, spell, file));
      }),
      { numRuns: 500 },
    );
    // A kind of change that was never drawn would be a promise nobody checked.
    expect([...seen.keys()].sort()).toEqual(everyChange.toSorted());
  });
});

const everyChange = [
  "a byte of a file",
  "a code_hash",
  "a command",
  "a digest",
  "a file more",
  "a file's name",
  "a model",
  "a param",
  "a tool",
  "a tool_version",
  "a transform more",
  "a value",
  "a variable's value",
  "an input more",
  "an input's name",
];

function changes(drawn: World): [string, World][] {
  const { contract, trees, env } = drawn;
  const found: [string, World][] = [
    ["an input more", edit(drawn, (c) => c.inputs.push({ name: "one-more-input", value: 1 }))],
    ["a transform more", edit(drawn, (c) => c.transforms.push({ tool: "one more" }))],
    ["a command", edit(drawn, (c) => Object.assign(c, { command: ["another", "command"] }))],
  ];
  for (const [index, entry] of contract.inputs.entries()) {
    const named = String(entry["name"]);
    const set = (members: Members): World =>
      edit(drawn, (c) => Object.assign(c.inputs[index] ?? {}, members));
    if (entry["path"] === undefined) found.push(["an input's name", set({ name: "another-name" })]);
    if ("value" in entry) found.push(["a value", set({ value: [entry["value"] ?? null] })]);
    if ("digest" in entry) found.push(["a digest", set({ digest: `dirHash1:${"0".repeat(64)}` })]);
    const files = trees[named];
    if (files === undefined) continue;
    const [path = "", content = ""] = Object.entries(files)[0] ?? [];
    const { [path]: _, ...others } = files;
    const withFiles = (changed: Record<string, string>): World => {
      return { ...drawn, trees: { ...trees, [named]: changed } };
    };
    found.push(["a byte of a file", withFiles({ ...files, [path]: `${content}.` })]);
    found.push(["a file's name", withFiles({ ...others, [`${path}2`]: content })]);
    found.push(["a file more", withFiles({ ...files, "one more": "" })]);
  }
  for (const [index, entry] of contract.transforms.entries()) {
    for (const key of ["tool", "tool_version", "model"]) {
      const value = `${String(entry[key] ?? "")}.`;
      found.push([
        `a ${key}`,
        edit(drawn, (c) => Object.assign(c.transforms[index] ?? {}, { [key]: value })),
      ]);
    }
    const code_hash = `git:${"0".repeat(40)}`;
    const edited = edit(drawn, (c) => Object.assign(c.transforms[index] ?? {}, { code_hash }));
    found.push(["a code_hash", edited]);
    const more = { ...((entry["params"] ?? {}) as Members), "one more param": false };
    found.push([
      "a param",
      edit(drawn, (c) => Object.assign(c.transforms[index] ?? {}, { params: more })),
    ]);
    for (const variable of (entry["env"] ?? []) as string[]) {
      const other = { ...env, [variable]: `${env[variable] ?? ""}.` };
      found.push(["a variable's value", { ...drawn, env: other }]);
    }
  }
  return found;
}

function edit(drawn: World, change: (contract: World["contract"]) => void): World {
  const contract = structuredClone(drawn.contract);
  change(contract);
  return { ...drawn, contract };
}

/** Members that say nothing about the result. */
function labels(): fc.Arbitrary<Members> {
  const label = fc.record(
    {
      $schema: text,
      name: text,
      outputs: fc.constant([{ path: "../elsewhere" }]),
      pass_env: fc.constant(["API_KEY"]),
      metadata: fc.dictionary(text, text),
    },
    { requiredKeys: [] },
  );
  return label as unknown as fc.Arbitrary<Members>;
}

/** One of the ways to write a contract down. */
function spelling(seed: number): [(value: Json) => string, string] {
  const strings = seed % 2 === 0 ? ("QUOTE_DOUBLE" as const) : ("QUOTE_SINGLE" as const);
  const style = seed % 3 === 0 ? ("flow" as const) : ("block" as const);
  const options = { lineWidth: 0, defaultKeyType: strings, defaultStringType: strings };
  switch (seed % 4) {
    case 0:
      return [(value) => writeJson(value, seed), `sub ${seed % 7}/contract.json`];
    case 1:
      return [(value) => stringify(shuffled(value, seed), options), "é/contract.yaml"];
    case 2:
      return [
        (value) => stringify(shuffled(value, seed), { ...options, collectionStyle: style }),
        "c.yml",
      ];
    default:
      return [(value) => JSON.stringify(shuffled(value, seed), null, "\t"), "c.json"];
  }
}

/** The same value with its keys in another order, and inputs in another, too. */
function shuffled(value: Json, seed: number, key = ""): Json {
  if (Array.isArray(value)) {
    const items = value.map((item) => shuffled(item, seed));
    return key === "inputs" ? items.toReversed() : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([k, v]) => [k, shuffled(v, seed, k)] as const);
  const at = members.length === 0 ? 0 : seed % members.length;
  return Object.fromEntries([...members.slice(at), ...members.slice(0, at)].toReversed());
}

/** JSON with every character escaped and every integer written as a fraction. */
function writeJson(value: Json, seed: number): string {
  if (Array.isArray(value)) return `[ ${value.map((item) => writeJson(item, seed)).join(" ,\n")} ]`;
  if (typeof value === "number") {
    return Number.isInteger(value) && Math.abs(value) < 1e6 ? `${value}.0e0` : String(value);
  }
  if (typeof value === "string") {
    const units = value.split("").map((unit) => unit.charCodeAt(0).toString(16).padStart(4, "0"));
    return `"${units.map((unit) => `\\u${unit}`).join("")}"`;
  }
  if (typeof value !== "object" || value === null) return String(value);
  const members = Object.entries(value).toReversed();
  const written = members.map(
    ([key, member]) => `${writeJson(key, seed)}:${writeJson(member, seed)}`,
  );
  return `{${written.join(",\r\n")}}`;
}

async function uriOf(drawn: World, spell: (value: Json) => string, file: string): Promise<string> {
  const folder = join(root, String(count++));
  const contract = join(folder, file);
  mkdirSync(dirname(contract), { recursive: true });
  for (const [named, files] of Object.entries(drawn.trees)) {
    mkdirSync(join(dirname(contract), `in-${named}`));
    for (const [path, content] of Object.entries(files)) {
      writeFileSync(join(dirname(contract), `in-${named}`, path), content);
    }
  }
  writeFileSync(contract, spell(drawn.contract));
  const { uri } = await resolveContract(await readContract(contract), { env: drawn.env });
  rmSync(folder, { recursive: true });
  return uri;
}

function asInput(entry: {
  readonly name: string;
  readonly kind: string;
  readonly value?: Json;
  readonly digest?: string;
}): Members {
  const { name: named, kind, value = null, digest } = entry;
  if (kind === "path") return { name: named, path: `./in-${named}` };
  return kind === "value" ? { name: named, value } : { name: named, digest: `sha256:${digest}` };
}
