import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type FileDigests, type FileState, hashTree } from "@ctxpack/identity";
import fc from "fast-check";
import { afterEach, expect, it, vi } from "vitest";
import type { Store } from "../../src/index.ts";
import { folder, openStore, workplace } from "./fixture.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** What the clock must say for files written now to count as settled. */
function later(seconds = 10): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + seconds * 1000 });
}

const files = { "a.txt": "one", "sub/b.txt": "two", "sub/deep/c.txt": "three" };

/** Hashes `root` as `ctxpack id` does; says how many files' digests were asked for. */
async function identify(store: Store, root: string) {
  let asked = 0;
  const { digests } = store;
  const counting = {
    get(path: string, state: FileState) {
      asked += 1;
      return digests.get(path, state);
    },
    set: digests.set.bind(digests),
    getTree: (key: Uint8Array) => digests.getTree?.(key),
    setTree: (...offer: Parameters<NonNullable<FileDigests["setTree"]>>) =>
      digests.setTree?.(...offer),
  };
  const tree = await hashTree(root, { digests: counting });
  await store.keepListing(tree);
  await digests.save();
  return { digest: tree.digest, lines: Buffer.from(tree.lines).toString(), asked };
}

async function known() {
  const dir = workplace();
  const root = folder(join(dir, "root"), files);
  later();
  const store = await openStore(join(dir, "store"));
  const first = await identify(store, root);
  expect(first.asked).toBe(3);
  return { dir, root, first };
}

it("a tree of which nothing changed asks for no file, in another process too", async () => {
  const { dir, root, first } = await known();
  const again = await identify(await openStore(join(dir, "store")), root);
  expect(again).toEqual({ ...first, asked: 0 });
});

it.each<[what: string, change: (root: string) => void]>([
  ["content", (root) => appendFileSync(join(root, "a.txt"), "!")],
  ["content of the same size and mtime", (root) => rewrite(join(root, "a.txt"), "eno")],
  ["mode", (root) => chmodSync(join(root, "sub/b.txt"), 0o600)],
  ["a new file", (root) => writeFileSync(join(root, "sub/new"), "")],
  ["a file that is gone", (root) => rmSync(join(root, "sub/deep/c.txt"))],
  ["a name", (root) => renameSync(join(root, "a.txt"), join(root, "A.txt"))],
  ["a name that moves to another folder", (root) => renameSync(join(root, "sub"), join(root, "b"))],
  ["two files that change places", (root) => swap(join(root, "a.txt"), join(root, "sub/b.txt"))],
  ["a second name for a file", (root) => linkSync(join(root, "a.txt"), join(root, "z.txt"))],
])("another tree by %s is looked at file by file", async (_, change) => {
  const { dir, root } = await known();
  change(root);
  const again = await identify(await openStore(join(dir, "store")), root);
  expect(again.asked).toBeGreaterThan(0);
  expect(again.digest).toBe((await hashTree(root)).digest);
});

it("what was written shortly before is not known as a whole either", async () => {
  const dir = workplace();
  const root = folder(join(dir, "root"), files);
  const store = await openStore(join(dir, "store"));
  await identify(store, root);
  expect((await identify(store, root)).asked).toBe(3);
});

it("a listing that is damaged or gone is made again", async () => {
  const { dir, root, first } = await known();
  const blob = join(dir, "store/blobs/sha256", first.digest.slice("dirHash1:".length));
  const lines = readFileSync(blob);
  lines[0] = (lines[0] as number) ^ 1;
  chmodSync(blob, 0o600);
  writeFileSync(blob, lines);
  expect(await identify(await openStore(join(dir, "store")), root)).toEqual(first);
  rmSync(blob);
  expect(await identify(await openStore(join(dir, "store")), root)).toEqual(first);
});

it("after a week the files are asked for again, so that their records stay in use", async () => {
  const { dir, root, first } = await known();
  later(7 * 86_400);
  const weekly = await identify(await openStore(join(dir, "store")), root);
  expect(weekly).toEqual(first);
  const next = await identify(await openStore(join(dir, "store")), root);
  expect(next.asked).toBe(0);
});

it("says what hashing says, whatever is done to a tree in whatever order", async () => {
  const names = ["a", "b", "d/a", "d/b"];
  const edit = fc.record({
    kind: fc.constantFrom("write", "append", "remove", "touch", "none"),
    name: fc.constantFrom(...names),
    text: fc.string({ maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { maxLength: 12 }), async (edits) => {
      const dir = workplace();
      const root = folder(join(dir, "root"), { a: "1", "d/a": "2" });
      const store = await openStore(join(dir, "store"));
      for (const { kind, name, text } of edits) {
        vi.useRealTimers();
        const path = join(root, name);
        mkdirSync(join(root, "d"), { recursive: true });
        if (kind === "write") writeFileSync(path, text);
        if (kind === "append") appendFileSync(path, text);
        if (kind === "remove") rmSync(path, { force: true });
        if (kind === "touch" && statSync(path, { throwIfNoEntry: false })) utimesSync(path, 1, 1);
        later();
        expect((await identify(store, root)).digest).toBe((await hashTree(root)).digest);
      }
    }),
    { numRuns: 30 },
  );
});

function rewrite(path: string, text: string): void {
  const { atime, mtime } = statSync(path);
  writeFileSync(path, text);
  utimesSync(path, atime, mtime);
}

function swap(a: string, b: string): void {
  renameSync(a, `${a}.aside`);
  renameSync(b, a);
  renameSync(`${a}.aside`, b);
}
