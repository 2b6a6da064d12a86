import { chmodSync, existsSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Store } from "../../src/index.ts";
import { contractOf, folder, sample, uriFor, workplace } from "./fixture.ts";

/*
 * Whoever collects takes a folder out of sight and gives it back when it has been handed out before that. These tests
 * put such a moment where another process looks at the folder.
 */

const VERIFY = "../../src/store/verify.ts";
const MARKER = "../../src/store/marker.ts";

/** The folder that is to be away at the next looks, and at how many. */
let away: string | undefined;
let times = 0;

function whileAway<T>(work: () => T): T {
  if (away === undefined) return work();
  const wrapper = away;
  times -= 1;
  if (times === 0) away = undefined;
  renameSync(wrapper, `${wrapper}.away`);
  try {
    return work();
  } finally {
    renameSync(`${wrapper}.away`, wrapper);
  }
}

let store: Store;
let path: string;
beforeEach(async () => {
  // Modules are shared between test files: the store of this one is made of its own.
  vi.resetModules();
  vi.doMock(VERIFY, async (actual) => {
    const real = await actual<typeof import("../../src/store/verify.ts")>();
    const findDamage: typeof real.findDamage = (...of) => whileAway(() => real.findDamage(...of));
    return { ...real, findDamage };
  });
  vi.doMock(MARKER, async (actual) => {
    const real = await actual<typeof import("../../src/store/marker.ts")>();
    const readMarker: typeof real.readMarker = (...of) => whileAway(() => real.readMarker(...of));
    return { ...real, readMarker };
  });
  const { Store } = await import("../../src/index.ts");
  const dir = workplace();
  store = await Store.open(join(dir, "store"));
  await store.seed(folder(join(dir, "out"), sample), contractOf("t"));
  path = await store.tree(uriFor("t"));
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  vi.doUnmock(VERIFY);
  vi.doUnmock(MARKER);
  vi.resetModules();
});

it("what is wrong with a folder is found though it moves while it is looked at", async () => {
  const wrapper = dirname(path);
  chmodSync(path, 0o755);
  rmSync(join(path, "a.txt"));
  for (const looks of [1, 2, 5, 1000]) {
    for (const look of [() => store.check(), () => store.verify(uriFor("t"))]) {
      away = wrapper;
      times = looks;
      expect(await look(), `away ${looks} times`).toMatchObject({
        clean: false,
        damages: expect.arrayContaining([
          expect.objectContaining({ kind: "tree-file-missing", path: join(path, "a.txt") }),
        ]),
      });
      away = undefined;
    }
  }
  away = wrapper;
  times = 3;
  expect(await store.tree(uriFor("t"), { verify: true })).toBe(path);
  expect(existsSync(join(path, "a.txt"))).toBe(true);
});

it("a folder whose times never hold still is looked at so often only, and others get their turn", async () => {
  const wrapper = dirname(path);
  chmodSync(path, 0o755);
  rmSync(join(path, "a.txt"));
  away = wrapper;
  times = 1000;
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  expect(await store.tree(uriFor("t"), { verify: true })).toBe(path);
  clearInterval(timer);
  expect(1000 - times).toBe(10);
  expect(turns).toBeGreaterThan(0);
  away = undefined;
  expect(existsSync(join(path, "a.txt"))).toBe(true);
});

describe.each([1, 2, 5])("a folder that is away for a moment at %s looks in a row", (looks) => {
  beforeEach(() => {
    away = dirname(path);
    times = looks;
  });

  it("is not taken for a damaged one when it is verified", async () => {
    expect(await store.tree(uriFor("t"), { verify: true })).toBe(path);
    expect(times).toBe(0);
    expect(existsSync(join(store.dir, "quarantine"))).toBe(false);
  });

  it.each([false, true])("nor by a check (repair: %s), which counts it once", async (repair) => {
    expect(await store.check({ repair })).toMatchObject({
      clean: true,
      damages: [],
      checked: { trees: 1, files: 6 },
    });
    expect(times).toBeLessThan(looks);
    expect(existsSync(join(store.dir, "quarantine"))).toBe(false);
  });
});
