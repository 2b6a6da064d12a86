// Real commands over real files: what is computed, and what is not.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { MapOptions, MappedItem } from "@ctxpack/client";
import fc from "fast-check";
import { expect, test } from "vitest";
import { counts, look, open, put, runsOf, UPPER, workplace } from "./fixture.ts";

const DOCS = "docs/**/*.txt";
const three = { "docs/a.txt": "a", "docs/sub/b.txt": "b", "docs/sub/c.txt": "c", "docs/x.md": "x" };

test("first, again, touched, changed, removed, added: only what is new is computed", async () => {
  const cwd = workplace(three);
  const ctx = await open(cwd);
  const map = () => ctx.map(DOCS, UPPER).result();
  const first = await map();
  expect(first).toMatchObject({ hit: false, source: "computed", failed: [], reused: [] });
  expect([counts(first), runsOf(cwd)]).toEqual([[3, 0, 3, 0], 3]);
  expect(look(join(cwd, "out"))).toEqual({
    "a.txt.up": "A",
    "sub/b.txt.up": "B",
    "sub/c.txt.up": "C",
  });
  const again = await map();
  expect(again).toMatchObject({ hit: true, source: "store", uri: first.uri });
  expect([counts(again), runsOf(cwd)]).toEqual([[3, 3, 0, 0], 0]);
  utimesSync(join(cwd, "docs/a.txt"), 1, 1);
  expect(await map()).toMatchObject({ hit: true, uri: first.uri });
  put(cwd, "docs/a.txt", "changed");
  const changed = await map();
  expect([counts(changed), runsOf(cwd)]).toEqual([[3, 2, 1, 0], 1]);
  expect(changed.reused).toEqual([{ uri: first.uri, where: "store", items: 2 }]);
  rmSync(join(cwd, "docs/sub/b.txt"));
  const removed = await map();
  expect([counts(removed), runsOf(cwd)]).toEqual([[2, 2, 0, 0], 0]);
  expect(look(join(cwd, "out"))).toEqual({ "a.txt.up": "CHANGED", "sub/c.txt.up": "C" });
  put(cwd, "docs/new.txt", "new");
  expect([counts(await map()), runsOf(cwd)]).toEqual([[3, 2, 1, 0], 1]);
  // The one before the last is not forgotten.
  put(cwd, "docs/a.txt", "a");
  rmSync(join(cwd, "docs/new.txt"));
  put(cwd, "docs/sub/b.txt", "b");
  put(cwd, "docs/sub/d.txt", "changed");
  expect([counts(await map()), runsOf(cwd)]).toEqual([[4, 4, 0, 0], 0]);
});

test("the pack says of each file which item made it, and nothing of the items stays beside it", async () => {
  const cwd = workplace({ "docs/a.txt": "a", "docs/b.txt": "b" });
  const ctx = await open(cwd);
  const items: MappedItem[] = [];
  const run = ctx.map(DOCS, UPPER);
  for await (const item of run) items.push(item);
  const { uri } = await run.result();
  const entries = [...(await ctx.entries(uri))] as { path: string; key?: string }[];
  expect(entries.map(({ path, key }) => [path, `ctx://sha256:${key}`])).toEqual(
    items.sort((a, b) => (a.out < b.out ? -1 : 1)).map((item) => [item.out, item.uri]),
  );
  const left = (name: string) => readdirSync(join(cwd, "store", name), { recursive: true });
  expect(left("results").filter((name) => String(name).length > 2)).toEqual([]);
  expect(left("claims")).toEqual([]);
  expect((await ctx.fsck({ deep: true })).damages).toEqual([]);
});

test("whatever the recipe names changes every key", async () => {
  const cwd = workplace({ ...three, "prompt.txt": "one", "code.js": "1" });
  const command = [...(UPPER.command ?? []), "{in:prompt}"];
  let env: Record<string, string> = { REGION: "a" };
  let adHoc: NonNullable<MapOptions["adHoc"]> = {
    inputs: ["prompt=prompt.txt"],
    code: ["code.js"],
    env: ["REGION"],
    params: ["n=1"],
  };
  const map = async (more: Partial<MapOptions> = {}) => {
    const ctx = await open(cwd, { env });
    return counts(await ctx.map(DOCS, { ...UPPER, command, adHoc, ...more }).result());
  };
  const [all, none] = [
    [3, 0, 3, 0],
    [3, 3, 0, 0],
  ];
  expect(await map()).toEqual(all);
  expect(await map()).toEqual(none);
  put(cwd, "prompt.txt", "two");
  expect(await map()).toEqual(all);
  put(cwd, "code.js", "2");
  expect(await map()).toEqual(all);
  env = { REGION: "b" };
  expect(await map()).toEqual(all);
  adHoc = { ...adHoc, params: ["n=2"] };
  expect(await map()).toEqual(all);
  adHoc = { ...adHoc, tool: "sh@2" };
  expect(await map()).toEqual(all);
  expect(await map({ command: [...command, "more"] })).toEqual(all);
  expect(await map({ command: [...command, "{path}"] })).toEqual(all);
  // Where results go, and how many commands there are at a time, decides nothing.
  expect(await map({ out: "elsewhere/{name}", parallel: 1 })).toEqual(none);
  expect(look(join(cwd, "elsewhere"))).toEqual({ a: "A", b: "B", c: "C" });
  expect(await map()).toEqual(none);
});

test("a name joins maps whose recipes differ where that does not count", async () => {
  const cwd = workplace({ ...three, "unused.txt": "one" });
  const ctx = await open(cwd);
  const map = async (family: string | undefined, command: readonly string[]) =>
    counts(await ctx.map(DOCS, { ...UPPER, command, family }).result());
  const [sh = "", c = "", script = ""] = UPPER.command ?? [];
  expect(await map("mine", [sh, c, script, "{in}", "{out}"])).toEqual([3, 0, 3, 0]);
  expect(await map("mine", [sh, c, script, "{in}", "{out}", "{ext}"])).toEqual([3, 0, 3, 0]);
  expect(await map("mine", [sh, c, script, "{in}", "{out}", ".txt"])).toEqual([3, 3, 0, 0]);
  expect(await map(undefined, [sh, c, script, "{in}", "{out}", "{name}.txt"])).toEqual([
    3, 0, 3, 0,
  ]);
});

test("equal items are one, unless the command sees which one it is", async () => {
  const cwd = workplace({ "docs/a.txt": "same", "docs/b.txt": "same", "docs/c.x": "same" });
  const ctx = await open(cwd);
  const once = await ctx.map("docs", UPPER).result();
  // The extension shows.
  expect([counts(once), runsOf(cwd)]).toEqual([[3, 0, 3, 0], 2]);
  const command = ["sh", "-c", 'echo x >> runs; echo "$0" > "$1"', "{path}", "{out}"];
  await ctx.map("docs", { ...UPPER, command }).result();
  expect(runsOf(cwd)).toBe(3);
  expect(look(join(cwd, "out"))).toEqual({
    "a.txt.up": "a.txt\n",
    "b.txt.up": "b.txt\n",
    "c.x.up": "c.x\n",
  });
});

test("a command sees nothing of its item but what the key names", async () => {
  const cwd = workplace({ "docs/secret name.txt": "x" });
  const ctx = await open(cwd, { env: { OTHER: "x" } });
  const script = '{ basename "$0"; basename "$1"; ls "$(dirname "$0")"; env; } > "$1"';
  await ctx.map(DOCS, { ...UPPER, command: ["sh", "-c", script, "{in}", "{out}"] }).result();
  const text = readFileSync(join(cwd, "out/secret name.txt.up"), "utf8");
  expect(text.split("\n").slice(0, 4)).toEqual(["in.txt", "out", "in.txt", "out"]);
  expect(text).not.toMatch(/secret|OTHER/);
});

test("an item that fails ends the map; what succeeded stays known", async () => {
  const cwd = workplace({ "docs/a.txt": "a", "docs/b.txt": "bad", "docs/c.txt": "c" });
  put(cwd, "out/mine", "before");
  const ctx = await open(cwd);
  const script = 'echo x >> runs; grep -q bad "$0" && exit 7; cp "$0" "$1"';
  const options = { ...UPPER, command: ["sh", "-c", script, "{in}", "{out}"], parallel: 1 };
  await expect(ctx.map(DOCS, options).result()).rejects.toMatchObject({
    code: "CTXPACK_E_COMMAND",
    message: expect.stringMatching(/^b\.txt: .*exit code 7/),
    details: { item: "b.txt", child: { exitCode: 7 } },
  });
  expect(runsOf(cwd)).toBe(2);
  expect(look(join(cwd, "out"))).toEqual({ mine: "before" });
  const going = await ctx.map(DOCS, { ...options, keepGoing: true }).result();
  expect([counts(going), runsOf(cwd)]).toEqual([[3, 1, 1, 1], 2]);
  expect(going.record).toBeUndefined();
  expect(going.failed).toMatchObject([{ path: "b.txt", out: "b.txt.up", status: "failed" }]);
  for await (const _ of ctx.list()) throw new Error("there is a pack");
  put(cwd, "docs/b.txt", "good");
  expect([counts(await ctx.map(DOCS, options).result()), runsOf(cwd)]).toEqual([[3, 2, 1, 0], 1]);
});

test.for([
  ["writes nothing", "true", "did not write {out}"],
  ["writes a folder", 'mkdir "$1"', "no file"],
  ["writes a link", 'ln -s "$0" "$1"', "no file"],
  ["leaves a process", 'sleep 60 & cp "$0" "$1"', "left processes"],
  ["is not there", undefined, "no such program"],
] as const)("a command that %s makes no result", async ([, script, message]) => {
  const cwd = workplace({ "docs/a.txt": "a" });
  const ctx = await open(cwd);
  const command =
    script === undefined ? ["not-there", "{in}", "{out}"] : ["sh", "-c", script, "{in}", "{out}"];
  await expect(ctx.map(DOCS, { ...UPPER, command }).result()).rejects.toThrow(message);
  expect(existsSync(join(cwd, "store/results"))).toBe(false);
});

test("a batch is one command; one that fails says nothing of its items", async () => {
  const docs = Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`docs/${n}.txt`, `n${n}`]));
  const cwd = workplace(docs);
  const ctx = await open(cwd);
  const loop = 'while test $# -gt 0; do tr a-z A-Z < "$1" > "$2" || exit; shift 2; done';
  const command = ["sh", "-c", `echo x >> runs; ${loop}`, "sh", "{in}", "{out}"];
  const batched = await ctx.map(DOCS, { ...UPPER, command, batch: 3, parallel: 1 }).result();
  expect([counts(batched), runsOf(cwd)]).toEqual([[6, 0, 6, 0], 2]);
  // Its results are those of one at a time.
  put(cwd, "docs/1.txt", "x");
  const one = await ctx.map(DOCS, { ...UPPER, command }).result();
  expect([counts(one), runsOf(cwd)]).toEqual([[6, 5, 1, 0], 1]);
  const picky = `echo x >> runs; for f in "$@"; do test -e "$f" && grep -q n4 "$f" && exit 3; done; ${loop}`;
  const failing = await ctx
    .map(DOCS, {
      ...UPPER,
      command: ["sh", "-c", picky, "sh", "{in}", "{out}"],
      batch: 3,
      parallel: 1,
      keepGoing: true,
    })
    .result();
  expect(counts(failing)).toEqual([6, 0, 5, 1]);
  expect(failing.failed.map(({ path }) => path)).toEqual(["4.txt"]);
  // Two batches, and the second one item by item.
  expect(runsOf(cwd)).toBe(5);
});

test("a function in place of a command is told nothing of its item", async () => {
  const cwd = workplace(three);
  const ctx = await open(cwd);
  const seen: string[] = [];
  const compute = async (input: string, output: string): Promise<void> => {
    seen.push(input.replace(/.*\//, ""));
    writeFileSync(output, readFileSync(input, "utf8").repeat(2));
  };
  const options = { out: "twice/{path}", adHoc: { tool: "twice@1" }, compute };
  const first = await ctx.map(DOCS, options).result();
  expect(seen).toEqual(["in", "in", "in"]);
  expect(look(first.output)).toEqual({ "a.txt": "aa", "sub/b.txt": "bb", "sub/c.txt": "cc" });
  // The name is no part of the key here.
  put(cwd, "docs/other.txt", "a");
  expect(counts(await ctx.map("docs/**/*.txt", options).result())).toEqual([4, 4, 0, 0]);
  const thrown = ctx.map("docs", {
    ...options,
    compute: () => Promise.reject(new TypeError("mine")),
  });
  await expect(thrown.result()).rejects.toMatchObject({
    code: "CTXPACK_E_COMMAND",
    cause: { cause: { message: "mine" } },
  });
});

test("items come as they become known, and leaving the loop ends the map", async () => {
  const docs = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`docs/${n}.txt`, `n${n}`]));
  const cwd = workplace(docs);
  const ctx = await open(cwd);
  let seen = 0;
  for await (const { status } of ctx.map(DOCS, { ...UPPER, parallel: 1 })) {
    expect(status).toBe("done");
    seen += 1;
    if (seen === 4) break;
  }
  expect(runsOf(cwd)).toBeLessThan(9);
  const statuses: string[] = [];
  for await (const { status } of ctx.map(DOCS, UPPER)) statuses.push(status);
  expect(statuses).toHaveLength(9);
  expect(statuses.filter((status) => status === "hit").length).toBeGreaterThanOrEqual(4);
  const again = ctx.map(DOCS, UPPER);
  statuses.length = 0;
  for await (const { status } of again) statuses.push(status);
  expect([statuses.length, new Set(statuses)]).toEqual([9, new Set(["hit"])]);
  await expect(
    (async () => {
      for await (const _ of again) throw new Error("twice");
    })(),
  ).rejects.toThrow("iterated once");
});

test("an abort ends the commands, and what was computed stays known", async () => {
  const docs = Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`docs/${n}.txt`, `n${n}`]));
  const cwd = workplace(docs);
  const ctx = await open(cwd);
  const stop = new AbortController();
  const script = 'echo x >> runs; test -e slow && sleep 60; tr a-z A-Z < "$0" > "$1"';
  const options = {
    ...UPPER,
    command: ["sh", "-c", script, "{in}", "{out}"],
    parallel: 2,
    signal: stop.signal,
  };
  let done = 0;
  const onEvent: MapOptions["onEvent"] = ({ kind }) => {
    if (kind !== "item") return;
    done += 1;
    if (done === 2) put(cwd, "slow", "");
    if (done === 2) setTimeout(() => stop.abort(new Error("enough")), 300);
  };
  await expect(ctx.map(DOCS, { ...options, onEvent }).result()).rejects.toThrow("enough");
  rmSync(join(cwd, "slow"));
  runsOf(cwd);
  const { signal: _, ...rest } = options;
  const after = await ctx.map(DOCS, rest).result();
  expect(after.counts.hit).toBe(done);
  expect(runsOf(cwd)).toBe(6 - done);
});

test("what changes while it runs makes no result", async () => {
  const cwd = workplace({ ...three, "prompt.txt": "one" });
  const ctx = await open(cwd);
  const script = 'tr a-z A-Z < "$0" > "$1"; echo two > prompt.txt';
  const options = { ...UPPER, adHoc: { inputs: ["prompt=prompt.txt"] } };
  const prompted = ctx.map(DOCS, { ...options, command: ["sh", "-c", script, "{in}", "{out}"] });
  await expect(prompted.result()).rejects.toMatchObject({
    message: expect.stringContaining("the input prompt changed while the command ran"),
    // A command has ended well: it is 125 on a command line.
    details: { child: { exitCode: 0 } },
  });
  expect(existsSync(join(cwd, "store/results"))).toBe(false);
  const items = 'cp "$0" "$1"; echo more >> docs/sub/c.txt';
  const other = ctx.map(DOCS, {
    ...UPPER,
    parallel: 1,
    command: ["sh", "-c", items, "{in}", "{out}"],
  });
  await expect(other.result()).rejects.toMatchObject({ code: "CTXPACK_E_TREE" });
  for await (const _ of ctx.list()) throw new Error("there is a pack");
});

test("a contract file may hold everything; a pack may be the input", async () => {
  const cwd = workplace(three);
  const contract = {
    inputs: [{ name: "texts", path: "docs", include: ["**/*.txt"] }],
    command: UPPER.command,
    transforms: [{ tool: "tr" }],
    outputs: [{ path: "out/{path}" }],
  };
  put(cwd, "c.json", JSON.stringify(contract));
  const ctx = await open(cwd);
  const { uri, output } = await ctx.map("texts", { contract: "c.json" }).result();
  expect(output).toBe(join(cwd, "out"));
  const second = {
    inputs: [{ name: "up", pack: uri }],
    command: ["sh", "-c", 'echo x >> runs; wc -c < "$0" > "$1"', "{in}", "{out}"],
    transforms: [{ tool: "wc" }],
    outputs: [{ path: "sizes/{path}" }],
  };
  put(cwd, "d.json", JSON.stringify(second));
  runsOf(cwd);
  await ctx.map("up", { contract: "d.json" }).result();
  expect(runsOf(cwd)).toBe(3);
  expect(look(join(cwd, "sizes"))["sub/b.txt"]?.trim()).toBe("1");
  await expect(ctx.map("docs", { contract: "c.json" }).result()).rejects.toThrow(
    'the contract has no input called "docs"',
  );
});

test("what does not go together is said before anything runs", async () => {
  const cwd = workplace(three);
  const ctx = await open(cwd);
  const fails = async (items: string, options: Partial<MapOptions>, message: string) =>
    await expect(ctx.map(items, { ...UPPER, ...options }).result()).rejects.toThrow(message);
  await fails(
    DOCS,
    { out: "out/{name}x", command: ["x", "{in}", "{out}"], parallel: 0 },
    "parallel is 0",
  );
  await fails(DOCS, { batch: 1.5 }, "batch is 1.5");
  await fails(DOCS, { family: "a b" }, "cannot be the name of a family");
  await fails(DOCS, { out: undefined }, "nothing says where the results go");
  await fails(DOCS, { command: [] }, "no command to run");
  await fails(DOCS, { compute: async () => {} }, "a function is given");
  await fails(DOCS, { out: "docs/{path}.txt" }, "overlaps");
  await fails("docs/a.txt", {}, "has no files to map");
  await fails("docs/*.pdf", {}, 'matches "*.pdf"');
  await fails("missing/*.pdf", {}, "does not exist");
  await fails(DOCS, { frozen: true }, "is a miss");
  put(cwd, "docs/a.md", "a");
  await fails("docs/*", { out: "out/{name}" }, "would both write a");
  expect(runsOf(cwd)).toBe(0);
});

test("forced, all of it is computed again; aside, nothing of it stays", async () => {
  const cwd = workplace(three);
  const ctx = await open(cwd);
  const first = await ctx.map(DOCS, UPPER).result();
  runsOf(cwd);
  const forced = await ctx.map(DOCS, { ...UPPER, force: true }).result();
  expect([counts(forced), runsOf(cwd), forced.uri]).toEqual([[3, 0, 3, 0], 3, first.uri]);
  put(cwd, "docs/a.txt", "else");
  await ctx.map(DOCS, { ...UPPER, cache: { local: "none" } }).result();
  expect(runsOf(cwd)).toBe(3);
  expect(look(join(cwd, "out"))["a.txt.up"]).toBe("ELSE");
  const uris: string[] = [];
  for await (const { uri } of ctx.list()) uris.push(uri);
  expect(uris).toEqual([first.uri]);
});

test("a damaged pack of before is computed again", async () => {
  const cwd = workplace(three);
  const warnings: string[] = [];
  const ctx = await open(cwd, { warn: (text) => void warnings.push(text) });
  const { uri } = await ctx.map(DOCS, UPPER).result();
  runsOf(cwd);
  const blobs = join(cwd, "store/blobs/sha256");
  for (const name of readdirSync(blobs)) {
    const text = readFileSync(join(blobs, name), "latin1");
    if (!text.includes('"layers"')) continue;
    const segment = join(blobs, JSON.parse(text).layers[1].digest.slice("sha256:".length));
    const content = readFileSync(segment);
    content[content.length >> 1] = ~(content[content.length >> 1] ?? 0);
    chmodSync(segment, 0o644);
    writeFileSync(segment, content);
  }
  put(cwd, "docs/a.txt", "changed");
  const after = await ctx.map(DOCS, UPPER).result();
  expect(look(after.output)).toEqual({
    "a.txt.up": "CHANGED",
    "sub/b.txt.up": "B",
    "sub/c.txt.up": "C",
  });
  expect(warnings.join()).toContain("is computed again");
  expect(uri).not.toBe(after.uri);
});

test("a map is what running the command by hand over every file gives", async () => {
  const cwd = workplace();
  const ctx = await open(cwd);
  const name = fc.stringMatching(/^[a-cé ]{1,3}(\.[xy])?$/).filter((text) => text.trim() === text);
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const tree = fc.dictionary(path, fc.stringMatching(/^[a-d]{0,3}$/), { minKeys: 1, maxKeys: 8 });
  await fc.assert(
    fc.asyncProperty(tree, fc.integer({ min: 1, max: 3 }), async (files, batch) => {
      rmSync(join(cwd, "docs"), { recursive: true, force: true });
      const kept: Record<string, string> = {};
      for (const [at, content] of Object.entries(files)) {
        try {
          put(cwd, `docs/${at}`, content);
          kept[at] = content;
        } catch {
          // A folder of this name is there already, or a file.
        }
      }
      mkdirSync(join(cwd, "docs"), { recursive: true });
      const loop =
        'while test $# -gt 0; do { echo "$1"; tr a-z A-Z < "$2"; } > "$3"; shift 3; done';
      const command = ["sh", "-c", loop, "sh", "{name}", "{in}", "{out}"];
      const { output } = await ctx.map("docs", { ...UPPER, command, batch, parallel: 2 }).result();
      const byHand = Object.entries(kept).map(([at, content]) => {
        const stem = at.replace(/.*\//, "").replace(/(?<=.)\.[xy]$/, "");
        return [`${at}.up`, `${stem}\n${content.toUpperCase()}`];
      });
      expect(look(output)).toEqual(Object.fromEntries(byHand));
    }),
    { numRuns: 15 },
  );
}, 120_000);
