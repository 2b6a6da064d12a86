import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { CHUNK_SIZES, Project, PUBLISHED } from "../src/published/project.ts";

function project(): Project {
  const dir = mkdtempSync(join(tmpdir(), "ctxpack-published-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return new Project(join(dir, "project"), { scale: "smoke", noSleep: true });
}

it("has the published URIs by the prototype's identity, and by ours the same ones everywhere", () => {
  const one = project();
  for (const size of CHUNK_SIZES) expect(one.v0(size)).toBe(PUBLISHED[size]);
  const store = join(one.dir, "store");
  expect(CHUNK_SIZES.map((size) => one.v1(size, store))).toEqual(
    CHUNK_SIZES.map((size) => project().v1(size, store)),
  );
  expect(one.v1(512, store)).not.toBe(one.v1(256, store));
});

it("gives another URI for one byte of one page, and the first one when it is put back", () => {
  const one = project();
  const store = join(one.dir, "store");
  const page = join(one.dir, "corpus/page-0008.txt");
  const [uri, bytes] = [one.v1(512, store), readFileSync(page)];
  one.editPage(true);
  const edited = readFileSync(page);
  expect(edited.filter((byte, at) => byte !== bytes[at])).toHaveLength(1);
  expect(one.v1(512, store)).not.toBe(uri);
  expect(one.v0(512)).toBe(PUBLISHED[512]);
  one.editPage(false);
  expect(one.v1(512, store)).toBe(uri);
});
