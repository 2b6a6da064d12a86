import { CtxPackError } from "@ctxpack/client";
import { expect, test } from "vitest";
import { parseSubject } from "../src/subject.ts";

const hex = "32f300048d8dd5a2c88f24d45a3d849503fda3507de626cd3b080e445edf3855";

test("a URI in every spelling", () => {
  for (const text of [
    `ctx://sha256:${hex}`,
    `ctx://${hex}`,
    `sha256:${hex}`,
    hex,
    hex.toUpperCase(),
  ]) {
    expect(parseSubject(text)).toEqual({ kind: "uri", uri: `ctx://sha256:${hex}` });
  }
});

test("the first digits of one", () => {
  for (const text of ["ctx://sha256:32f300", "sha256:32f300", "32f300", "32F300"]) {
    expect(parseSubject(text)).toEqual({ kind: "prefix", prefix: "32f300" });
  }
});

test("a tag in a pantry", () => {
  expect(parseSubject("oci:./pantry:nightly")).toEqual({
    kind: "tag",
    tag: "nightly",
    target: { kind: "layout", dir: "./pantry", tag: "nightly" },
  });
  expect(parseSubject("ghcr.io/acme/packs:nightly")).toMatchObject({ kind: "tag", tag: "nightly" });
});

test("a contract file", () => {
  for (const file of [
    "contract.yaml",
    "./stages/embed.yml",
    "C:\\work\\contract.json",
    "/a/c.json",
  ]) {
    expect(parseSubject(file)).toEqual({ kind: "contract", file });
  }
  expect(parseSubject("ghcr.io/acme/packs:v1.json")).toMatchObject({ kind: "tag", tag: "v1.json" });
});

test.for([
  "",
  "32f30",
  "ctx://",
  "ctx://md5:aa",
  `${hex}0`,
  "oci:./pantry",
  "nightly",
  "./x",
  "ctx://sha256:zz",
])("what names no pack: %j", (text) => {
  expect(() => parseSubject(text)).toThrow(CtxPackError);
  try {
    parseSubject(text);
  } catch (error) {
    expect((error as CtxPackError).code).toBe("CTXPACK_E_REFERENCE");
  }
});
