// The nearest known contract: by brute force the same, whatever became of the table that finds it quickly.
import fs, { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  type CtxUri,
  canonicalBytes,
  contractMembers,
  type JsonValue,
  parseResolvedContract,
  type ResolvedContract,
  sha256,
  uriOf,
} from "@ctxpack/identity";
import fc from "fast-check";
import { expect, it, onTestFinished, vi } from "vitest";
import { closest } from "../../src/store/known/closest.ts";
import { fingerprint, type KnownRow, type Labels } from "../../src/store/known/row.ts";
import { appendRow, KnownTable } from "../../src/store/known/table.ts";
import { folder, openStore, workplace } from "./fixture.ts";
import { drive } from "./spawn.ts";

function bytesOf(params: object, extra: object = {}): Uint8Array {
  const value = {
    inputs: [],
    schema: "ctxpack.contract/v1",
    transforms: [{ params, tool: "t" }],
    ...extra,
  };
  return canonicalBytes(value as unknown as JsonValue);
}

function soughtOf(bytes: Uint8Array, labels: Labels = {}) {
  return { uri: uriOf(sha256(bytes)), contract: parseResolvedContract(bytes), labels };
}

/** Counts the leaves that two contracts do not have in common, in another way than the table does. */
function differing(a: ResolvedContract, b: ResolvedContract): number {
  const [left, right] = [leaves(a), leaves(b)];
  const paths = new Set([...left, ...right].map((leaf) => leaf.split(" = ")[0]));
  let same = 0;
  for (const leaf of left) if (right.has(leaf)) same += 1;
  return paths.size - same;
}

function leaves(contract: ResolvedContract): Set<string> {
  const found = new Set<string>();
  const walk = (value: unknown, path: string): void => {
    const inner = typeof value === "object" && value !== null ? Object.entries(value) : [];
    for (const [key, member] of inner) walk(member, `${path}.${JSON.stringify(key)}`);
    if (inner.length === 0) found.add(`${path} = ${JSON.stringify(value)}`);
  };
  const { schema: _, inputs, ...rest } = contract;
  walk(
    { ...rest, ...Object.fromEntries(inputs.map(({ name, ...said }) => [`in ${name}`, said])) },
    "",
  );
  return found;
}

const word = fc.constantFrom("a", "b", "c", "d");
const labels = fc.record(
  { name: word, outputs: fc.array(word, { maxLength: 2 }) },
  { requiredKeys: [] },
);
const contract = fc
  .record({
    params: fc.dictionary(word, fc.oneof(fc.nat(2), word, fc.array(fc.nat(1), { maxLength: 2 }))),
    input: fc.option(fc.record({ name: word, value: fc.oneof(fc.nat(2), word) }), {
      nil: undefined,
    }),
    model: fc.option(word, { nil: undefined }),
    tool: fc.constantFrom("t", "u"),
  })
  .map(({ params, input, model, tool }) =>
    bytesOf(
      {},
      {
        inputs: input ? [input] : [],
        transforms: [
          {
            ...(model && { model }),
            ...(Object.keys(params).length > 0 && { params }),
            tool,
          },
        ],
      },
    ),
  );

function hasSame(a: ResolvedContract, b: ResolvedContract): boolean {
  const others = contractMembers(b);
  return [...contractMembers(a)].some(([pointer, value]) => others.get(pointer) === value);
}

it("is the nearest by brute force: labels first, then fewest members, then the newest", () => {
  const known = fc.uniqueArray(fc.record({ bytes: contract, labels, madeMs: fc.nat(3) }), {
    selector: ({ bytes }) => Buffer.from(bytes).toString(),
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      known,
      contract,
      labels,
      fc.nat(12),
      fc.boolean(),
      (all, bytes, ownLabels, learntOnly, onlyAlike) => {
        const sought = { ...soughtOf(bytes, ownLabels), onlyAlike };
        const rows = all.map(({ bytes, labels, madeMs }): KnownRow => {
          const contract = parseResolvedContract(bytes);
          return { uri: uriOf(sha256(bytes)), madeMs, labels, members: fingerprint(contract) };
        });
        // Some are in the file, some were just read.
        const unsure = new Float64Array(256);
        const file = KnownTable.empty().with(new Uint32Array(), rows.slice(learntOnly), unsure);
        const table = file.with(file.rows(), rows.slice(0, learntOnly), unsure);
        expect([table.damage, table.written]).toEqual([undefined, all.length]);
        const found = [...closest(table, table.rows(), sought)];

        const wanted = all
          .map((one) => {
            const contract = parseResolvedContract(one.bytes);
            const isRelated =
              (ownLabels.name !== undefined && one.labels.name === ownLabels.name) ||
              (ownLabels.outputs ?? []).some((path) => one.labels.outputs?.includes(path));
            return {
              uri: uriOf(sha256(one.bytes)),
              differing: differing(contract, sought.contract),
              related: isRelated,
              madeMs: one.madeMs,
              isNear:
                isRelated ||
                (hasSame(contract, sought.contract) &&
                  (!onlyAlike ||
                    contract.transforms[0]?.tool === sought.contract.transforms[0]?.tool)),
            };
          })
          .filter(({ isNear }) => isNear)
          .filter(({ uri }) => uri !== sought.uri)
          .sort(
            (a, b) =>
              Number(b.related) - Number(a.related) ||
              a.differing - b.differing ||
              b.madeMs - a.madeMs ||
              (a.uri < b.uri ? -1 : 1),
          )
          .filter(({ related }, i, all) => {
            const before = all.slice(0, i).filter((one) => one.related === related);
            return before.length < 8;
          });
        expect(
          found.map(({ uri, differing, related, madeMs }) => ({ uri, differing, related, madeMs })),
        ).toEqual(wanted.map(({ isNear: _, ...candidate }) => candidate));
      },
    ),
  );
});

/** A store with five packs, a contract like one of them, and what is nearest to it. */
async function stored(dir: string) {
  const store = await openStore(join(dir, "store"));
  const out = folder(join(dir, "out"), { a: "a" });
  const uris: CtxUri[] = [];
  for (const [i, size] of [128, 256, 512, 1024, 2048].entries()) {
    const params = { size, other: i, more: i };
    const { record } = await store.seed(out, bytesOf(params), {
      name: `name-${i}`,
      outputs: [`/out/${i}`],
    });
    uris.push(record.uri);
  }
  const sought = soughtOf(bytesOf({ size: 511, other: 2, more: 2 }));
  return {
    store,
    sought,
    uris,
    wanted: uris[2] as CtxUri,
    table: join(store.dir, "known-contracts"),
  };
}

it("finds by name, by output and by members; never the contract itself, nor one that has nothing in common", async () => {
  const { store, sought, uris, wanted } = await stored(workplace());
  const near = await store.nearest(sought);
  expect(near?.record).toMatchObject({ uri: wanted, name: "name-2", outputs: ["/out/2"] });
  expect(near?.related).toBe(false);
  expect(near?.contract.transforms[0]?.params).toEqual({ size: 512, other: 2, more: 2 });
  const byName = await store.nearest({ ...sought, labels: { name: "name-4" } });
  expect([byName?.record.uri, byName?.related]).toEqual([uris[4], true]);
  const byOutput = await store.nearest({ ...sought, labels: { outputs: ["/x", "/out/0"] } });
  expect([byOutput?.record.uri, byOutput?.related]).toEqual([uris[0], true]);
  const itself = soughtOf(bytesOf({ size: 512, other: 2, more: 2 }));
  expect((await store.nearest(itself))?.record.uri).not.toBe(wanted);
  const foreign = soughtOf(bytesOf({}, { transforms: [{ tool: "else" }] }));
  expect(await store.nearest(foreign)).toBeUndefined();
});

it("a table that is missing, cut, or has any byte changed gives the same answer, and is whole again", async () => {
  const { store, sought, wanted, table } = await stored(workplace());
  const good = readFileSync(table);
  const damages: (Buffer | undefined)[] = [undefined, Buffer.alloc(0), Buffer.alloc(4096)];
  for (let at = 1; at < good.length; at += 13) damages.push(good.subarray(0, at));
  for (let at = 0; at < good.length; at += 7) {
    const bytes = Buffer.from(good);
    bytes[at] = (bytes[at] ?? 0) ^ 0x55;
    damages.push(bytes);
  }
  damages.push(Buffer.concat([good.subarray(0, good.length - 9), good.subarray(8)]));
  for (const damage of damages) {
    rmSync(table);
    if (damage !== undefined) writeFileSync(table, damage);
    expect((await store.nearest(sought))?.record.uri).toBe(wanted);
    const healed = KnownTable.read(table);
    expect([healed.damage, healed.rows().length]).toEqual([undefined, 5]);
  }
});

it("a store from before the table: everything is found, labels from the records", async () => {
  const { store, sought, uris, wanted, table } = await stored(workplace());
  rmSync(table);
  await using reader = await (await import("../../src/index.ts")).Store.open(store.dir, {
    readOnly: true,
  });
  expect((await reader.nearest(sought))?.record.uri).toBe(wanted);
  // Whoever may not write looks it up all the same.
  expect(readdirSync(store.dir)).not.toContain("known-contracts");
  expect((await store.nearest({ ...sought, labels: { name: "name-0" } }))?.record.uri).toBe(
    uris[0],
  );
  expect(KnownTable.read(table).rows().length).toBe(5);
});

it("what is removed is not found; collecting takes it out of the file", async () => {
  const { store, sought, wanted, table } = await stored(workplace());
  rmSync(table);
  await store.nearest(sought);
  await store.remove(wanted);
  const near = await store.nearest(sought);
  expect(near?.record.uri).not.toBe(wanted);
  expect(near).toBeDefined();
  const before = statSync(table).size;
  await store.collect({ apply: true });
  expect(statSync(table).size).toBeLessThan(before);
  expect(KnownTable.read(table).rows().length).toBe(4);
});

it("shelves that have not changed are not listed again, and no pack is missed that comes or goes", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const out = folder(join(dir, "out"), { a: "a" });
  const table = join(store.dir, "known-contracts");
  const all = Array.from({ length: 80 }, (_, i) => bytesOf({ number: i, twice: 2 * i }));
  const nearestTo = async (i: number): Promise<CtxUri | undefined> =>
    (await store.nearest(soughtOf(bytesOf({ number: i, twice: -1 }))))?.record.uri;
  const uriAt = (i: number) => uriOf(sha256(all[i] as Uint8Array));
  for (const bytes of all.slice(0, 40)) await store.seed(out, bytes);
  await pause(2100);
  rmSync(table);
  expect(await nearestTo(0)).toBe(uriAt(0));
  const settled = readFileSync(table);
  // What comes now is in no table, as after a kill; what goes is in it still.
  for (const bytes of all.slice(40)) await store.seed(out, bytes);
  for (let i = 0; i < 40; i += 3) await store.remove(uriAt(i));
  for (let i = 0; i < 80; i++) {
    writeFileSync(table, settled);
    const isHere = i >= 40 || i % 3 !== 0;
    expect((await nearestTo(i)) === uriAt(i), `${i}`).toBe(isHere);
  }
  // Once it is written again, a shelf that stayed as it was is taken from it: here one that is hidden.
  await pause(2100);
  rmSync(table);
  await nearestTo(79);
  const listed: string[] = [];
  const list = fs.readdirSync;
  vi.spyOn(fs, "readdirSync").mockImplementation(((path: string, ...rest: never[]) => {
    listed.push(path);
    return list(path, ...rest);
  }) as typeof fs.readdirSync);
  syncBuiltinESMExports();
  onTestFinished(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });
  expect(await nearestTo(79)).toBe(uriAt(79));
  expect(listed.filter((path) => path.includes("/packs/"))).toEqual([]);
});

it("a contract whose blob is gone or damaged is passed over", async () => {
  const { store, sought, wanted } = await stored(workplace());
  const blob = join(store.dir, "blobs/sha256", wanted.slice("ctx://sha256:".length));
  rmSync(blob);
  expect((await store.nearest(sought))?.record.uri).not.toBe(wanted);
  writeFileSync(blob, "else");
  expect((await store.nearest(sought))?.record.uri).not.toBe(wanted);
});

it("an output that takes another's place brings its own name", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const contract = bytesOf({ a: 1 });
  await store.seed(folder(join(dir, "one"), { a: "1" }), contract, { name: "old" });
  const replace = { name: "new", replace: true };
  await store.seed(folder(join(dir, "two"), { a: "2" }), contract, replace);
  const sought = soughtOf(bytesOf({ a: 2 }));
  const near = (name: string) => store.nearest({ ...sought, labels: { name } });
  expect((await near("new"))?.related).toBe(true);
  expect((await near("old"))?.related).toBe(false);
});

it("many processes add at once: each is found, the table is whole", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const out = folder(join(dir, "out"), { a: "a" });
  const contracts = Array.from({ length: 12 }, (_, i) => bytesOf({ number: i, twice: 2 * i }));
  const ended = await Promise.all(
    contracts.map((bytes) => drive([store.dir, "seed", out, Buffer.from(bytes).toString()])),
  );
  expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(ended.map(() => [0, ""]));
  const table = join(store.dir, "known-contracts");
  expect(KnownTable.read(table)).toMatchObject({ damage: undefined });
  expect(KnownTable.read(table).rows().length).toBe(12);
  for (const [i, bytes] of contracts.entries()) {
    const near = await store.nearest(soughtOf(bytesOf({ number: i, twice: 99 })));
    expect(near?.record.uri).toBe(uriOf(sha256(bytes)));
  }
});

it("processes that look, add and collect while others are killed always get the right answer", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  const out = folder(join(dir, "out"), { a: "a" });
  const seedOne = (i: number, ...more: string[]) =>
    drive([
      store.dir,
      "seed",
      out,
      Buffer.from(bytesOf({ number: i, twice: 2 * i })).toString(),
      ...more,
    ]);
  await seedOne(0);
  const work = Promise.all([
    ...Array.from({ length: 6 }, (_, i) => seedOne(i + 1, "--kill", `publish:${1 + (i % 2)}`)),
    ...Array.from({ length: 6 }, (_, i) => seedOne(i + 7)),
    drive([store.dir, "collect", "100000000", "5"]),
  ]);
  const sought = soughtOf(bytesOf({ number: 0, twice: 99 }));
  const isDone = work.then(() => true);
  const first = uriOf(sha256(bytesOf({ number: 0, twice: 0 })));
  for (let done = false; !done; ) {
    expect((await store.nearest(sought))?.record.uri).toBe(first);
    done = await Promise.race([isDone, new Promise<false>((r) => setTimeout(() => r(false), 5))]);
  }
  for await (const { uri } of store.list()) {
    const bytes = readFileSync(join(store.dir, "blobs/sha256", uri.slice("ctx://sha256:".length)));
    const number = parseResolvedContract(bytes).transforms[0]?.params?.["number"] as number;
    const near = await store.nearest(soughtOf(bytesOf({ number, twice: -1 })));
    expect(near?.record.uri).toBe(uri);
  }
});

it("a row that was torn by a kill does not keep later ones from being found", async () => {
  const { store, sought, uris, table } = await stored(workplace());
  writeFileSync(table, readFileSync(table).subarray(0, -5));
  const contract = parseResolvedContract(bytesOf({ x: 1 }));
  const uri = uris[0] as CtxUri;
  appendRow(table, { uri, madeMs: 1, labels: {}, members: fingerprint(contract) });
  expect(KnownTable.read(table).damage).toBeDefined();
  const named = await store.nearest({ ...sought, labels: { name: "name-4" } });
  expect(named?.record.uri).toBe(uris[4]);
});

it("two processes that begin the table at once both write its header: no row is lost, nothing is torn", async () => {
  const [dir, other] = [workplace(), workplace()];
  const { sought, uris, table } = await stored(dir);
  const second = await stored(other);
  writeFileSync(table, Buffer.concat([readFileSync(table), readFileSync(second.table)]));
  expect(KnownTable.read(table)).toMatchObject({ damage: undefined, written: 2 * uris.length });
  const store = await openStore(join(dir, "store"));
  expect(await store.check()).toMatchObject({ clean: true, damages: [] });
  const named = await store.nearest({ ...sought, labels: { name: "name-4" } });
  expect(named?.record.uri).toBe(uris[4]);
});

it("the lines of a dirHash1 are kept, and given only when they are what their digest says", async () => {
  const store = await openStore(join(workplace(), "store"));
  const lines = Buffer.from(`${"a".repeat(64)}  a.txt\n`);
  const hex = sha256(lines).slice("sha256:".length);
  const digest = `dirHash1:${hex}` as const;
  expect(await store.listing(digest)).toBeUndefined();
  await store.keepListing({ digest, lines });
  expect(Buffer.from((await store.listing(digest)) ?? [])).toEqual(lines);
  rmSync(join(store.dir, "blobs/sha256", hex));
  writeFileSync(join(store.dir, "blobs/sha256", hex), "else");
  expect(await store.listing(digest)).toBeUndefined();
});
