// docs/store.md says what the code does.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DAMAGE_KINDS } from "../../src/index.ts";
import { Places } from "../../src/store/places.ts";

const root = join(import.meta.dirname, "../../../..");
const page = readFileSync(join(root, "docs/store.md"), "utf8");

it("has every kind of damage, leftovers as such, and no other", () => {
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (leftover)?/gm)];
  expect(Object.fromEntries(rows.map(([, kind, what]) => [kind, what ?? "damage"]))).toEqual(
    DAMAGE_KINDS,
  );
});

it("has every place of the store", () => {
  const layout = /```\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  for (const path of Object.values(new Places("/store"))) {
    const [, first] = path.slice(1).split("/");
    if (first !== undefined) expect(layout).toContain(first);
  }
});

it("names tests that are there", () => {
  const paths = [...page.matchAll(/`(packages\/[^`]+\.ts)`/g)].map(([, path = ""]) => path);
  expect(paths.length).toBeGreaterThan(4);
  for (const path of paths) expect(existsSync(join(root, path)), path).toBe(true);
});
