import { formatReference, isTag, parseReference, parseTarget, type Reference } from "@ctxpack/oci";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const hex = "0123456789abcdef".repeat(4);

describe("parseReference", () => {
  it.each<[string, Reference]>([
    ["ghcr.io/acme/packs", { registry: "ghcr.io", repository: "acme/packs" }],
    ["localhost/a", { registry: "localhost", repository: "a" }],
    ["localhost:5000/a:v1", { registry: "localhost:5000", repository: "a", tag: "v1" }],
    ["[::1]:5000/a", { registry: "[::1]:5000", repository: "a" }],
    ["GHCR.io/a", { registry: "ghcr.io", repository: "a" }],
    ["r.example/a__b/c-d.e", { registry: "r.example", repository: "a__b/c-d.e" }],
    [
      `r.example/a@sha256:${hex}`,
      { registry: "r.example", repository: "a", digest: `sha256:${hex}` },
    ],
    [
      `r.example/a:t@sha256:${hex}`,
      { registry: "r.example", repository: "a", tag: "t", digest: `sha256:${hex}` },
    ],
  ])("reads %s", (text, expected) => {
    expect(parseReference(text)).toEqual(expected);
  });

  it.each([
    "",
    "packs",
    "acme/packs",
    "ghcr.io",
    "ghcr.io/",
    "ghcr.io/Acme",
    "ghcr.io/a//b",
    "ghcr.io/a/../b",
    "ghcr.io/a___b",
    "ghcr.io/-a",
    "ghcr.io/a:",
    "ghcr.io/a:.t",
    `ghcr.io/a:${"t".repeat(129)}`,
    "ghcr.io/a@sha256:123",
    `ghcr.io/a@sha256:${hex.toUpperCase()}`,
    `ghcr.io/a@md5:${hex}`,
    `ghcr.io/a@sha256:${hex}x`,
    "https://ghcr.io/a",
    "user@ghcr.io/a",
    "ghcr.io:x/a",
    "-a.io/b",
    `ghcr.io/${"a".repeat(250)}`,
    "ghcr.io/a?b",
    "ghcr.io/a b",
    "ghcr.io/a\n",
  ])("refuses %j", (text) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_REFERENCE", hint: expect.any(String) }),
    );
  });

  it("reads back what it writes", () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,8}(-[a-z0-9]{1,3})?$/);
    const reference = fc.record(
      {
        registry: fc.constantFrom("ghcr.io", "localhost:5000", "127.0.0.1:80", "[::1]"),
        repository: fc.array(word, { minLength: 1, maxLength: 4 }).map((w) => w.join("/")),
        tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/),
        digest: fc.stringMatching(/^[0-9a-f]{64}$/).map((h) => `sha256:${h}` as const),
      },
      { requiredKeys: ["registry", "repository"] },
    );
    fc.assert(
      fc.property(reference, (r) => {
        expect(parseReference(formatReference(r))).toEqual(r);
      }),
    );
  });

  it("either throws CTXPACK_E_REFERENCE or gives parts that are safe in a URL", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab./:@-_%?#\\ Z[") }), (text) => {
        try {
          const r = parseReference(`r.io/${text}`);
          expect(r.repository).toMatch(/^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/);
          expect(r.tag ?? "t").toMatch(/^[\w.-]+$/);
        } catch (error) {
          expect(error).toMatchObject({ code: "CTXPACK_E_REFERENCE" });
        }
      }),
    );
  });
});

describe("parseTarget", () => {
  it.each([
    ["oci:./pantry", { kind: "layout", dir: "./pantry" }],
    ["oci:./pantry:v1", { kind: "layout", dir: "./pantry", tag: "v1" }],
    ["oci:/a:b/c", { kind: "layout", dir: "/a:b/c" }],
    ["oci:/a:b/c:d", { kind: "layout", dir: "/a:b/c", tag: "d" }],
    ["oci:C:\\packs", { kind: "layout", dir: "C:\\packs" }],
    ["oci-archive:x.tar", { kind: "archive", file: "x.tar" }],
    ["oci-archive:x.tar:t", { kind: "archive", file: "x.tar", tag: "t" }],
    [
      "localhost:5000/a",
      { kind: "registry", reference: { registry: "localhost:5000", repository: "a" } },
    ],
  ])("reads %s", (text, expected) => {
    expect(parseTarget(text)).toEqual(expected);
  });

  it.each(["oci:", "oci-archive:", "oci::tag", "docker://a.io/b", "oci:a\0b"])(
    "refuses %j",
    (text) => {
      expect(() => parseTarget(text)).toThrow(
        expect.objectContaining({ code: "CTXPACK_E_REFERENCE" }),
      );
    },
  );

  it("says what a bare path lacks", () => {
    expect(() => parseTarget("./pantry")).toThrow(
      expect.objectContaining({ hint: "write oci:./pantry for a directory" }),
    );
  });
});

it("knows a tag", () => {
  expect(isTag(`ctx-${hex}-0123456789ab`)).toBe(true);
  expect(isTag("a/b")).toBe(false);
});
