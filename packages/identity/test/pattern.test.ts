import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CtxPackError } from "../src/errors.ts";
import { compileFilter, compilePattern } from "../src/pattern.ts";

/** The grammar of DESIGN §4.2 once more, by plain recursion over segments and code points. */
function reference(pattern: string, path: string): boolean {
  const segments = (p: readonly string[], s: readonly string[]): boolean => {
    const [head, ...rest] = p;
    if (head === undefined) return s.length === 0;
    if (head === "**") {
      return s.some((_, i) => segments(rest, s.slice(i))) || segments(rest, []);
    }
    const [name, ...below] = s;
    return name !== undefined && points([...head], [...name]) && segments(rest, below);
  };
  const points = (p: readonly string[], s: readonly string[]): boolean => {
    const [head, ...rest] = p;
    if (head === undefined) return s.length === 0;
    if (head === "*") return s.some((_, i) => points(rest, s.slice(i))) || points(rest, []);
    return s.length > 0 && (head === "?" || head === s[0]) && points(rest, s.slice(1));
  };
  return segments(pattern.split("/"), path.split("/"));
}

const name = fc.string({
  unit: fc.constantFrom("a", "b", ".", "😀", "é"),
  minLength: 1,
  maxLength: 4,
});
const folder = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const glob = fc
  .string({ unit: fc.constantFrom("a", "b", "*", "?", ".", "😀", "é"), minLength: 1, maxLength: 4 })
  .filter((segment) => segment !== "." && segment !== "..");
const pattern = fc
  .array(fc.oneof(glob, fc.constant("**")), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("/"));

describe("compilePattern", () => {
  it.each([
    ["**", "a", true],
    ["**", "a/b/c", true],
    ["**/*.pdf", "x.pdf", true],
    ["**/*.pdf", "a/b/x.pdf", true],
    ["**/*.pdf", "x.PDF", false],
    ["*.pdf", "a/x.pdf", false],
    ["*", ".hidden", true],
    ["drafts/**", "drafts/a/b", true],
    ["drafts/**", "drafts", true],
    ["drafts/**", "draftsx/a", false],
    ["a/**/b", "a/b", true],
    ["a/**/b", "a/x/y/b", true],
    ["a**b", "axxb", true],
    ["a**b", "a/b", false],
    ["?", "😀", true],
    ["??", "😀", false],
    ["*?", "😀", true],
    ["*??", "😀", false],
    ["caf?", "café", true],
    ["cafe\u0301", "café", true],
    ["a.b", "axb", false],
    ["(a+)$", "(a+)$", true],
    ["a b", "a b", true],
  ])("%s against %s is %s", (text, path, expected) => {
    expect(compilePattern(text).matches(path)).toBe(expected);
  });

  it.each([
    ["", 'the pattern "" has an empty segment at character 1'],
    ["/a", 'the pattern "/a" begins with a slash at character 1'],
    ["a/", 'the pattern "a/" has an empty segment at character 3'],
    ["a//b", 'the pattern "a//b" has an empty segment at character 3'],
    ["./a", 'the pattern "./a" has the segment "." at character 1'],
    ["é/../b", 'the pattern "é/../b" has the segment ".." at character 3'],
    ["😀[ab]", 'the pattern "😀[ab]" has "[" at character 2'],
    ["*.{js,ts}", 'the pattern "*.{js,ts}" has "{" at character 3'],
    ["!a", 'the pattern "!a" has "!" at character 1'],
    ["a\\b", 'the pattern "a\\\\b" has "\\\\" at character 2'],
  ])("refuses %j", (text, message) => {
    const error = caught(() => compilePattern(text));
    expect(error.message).toBe(message);
    expect(error.code).toBe("CTXPACK_E_USAGE");
    expect(error.details["pattern"]).toBe(text);
  });

  it("agrees with the recursive reference", () => {
    fc.assert(
      fc.property(pattern, folder, (text, path) => {
        expect(compilePattern(text).matches(path)).toBe(reference(text, path));
      }),
      { numRuns: 3000 },
    );
  });

  it("says for a folder neither too little nor too much", () => {
    fc.assert(
      fc.property(pattern, folder, folder, (text, dir, below) => {
        const compiled = compilePattern(text);
        const matches = compiled.matches(`${dir}/${below}`);
        if (matches) expect(compiled.mayContain(dir)).toBe(true);
        if (compiled.covers(dir)) expect(matches).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ["a/*.pdf", "a", true],
    ["a/*.pdf", "b", false],
    ["a/*.pdf", "a/b", false],
    ["a", "a", false],
    ["a/**", "a/b/c", true],
    ["**/x", "any/where", true],
  ])("%s may have files below %s: %s", (text, dir, expected) => {
    expect(compilePattern(text).mayContain(dir)).toBe(expected);
  });

  it.each([
    ["drafts/**", "drafts", true],
    ["drafts/**", "drafts/a", true],
    ["drafts/**/*", "drafts", true],
    ["drafts/*/**", "drafts", true],
    ["drafts/**/?*", "drafts", true],
    ["drafts/**/??*", "drafts", false],
    ["drafts/**/?", "drafts", false],
    ["drafts/*", "drafts", false],
    ["drafts/*/*/**", "drafts", false],
    ["**/node_modules/**", "a/node_modules", true],
    ["**/node_modules/**", "a", false],
    ["**", "", true],
  ])("%s covers %s: %s", (text, dir, expected) => {
    expect(compilePattern(text).covers(dir)).toBe(expected);
  });

  it("takes no exponential way", () => {
    const stars = compilePattern(`${"*a".repeat(60)}b`);
    expect(stars.matches("a".repeat(250))).toBe(false);
    const deep = compilePattern(`${"**/a/".repeat(60)}b`);
    expect(deep.matches(Array.from({ length: 400 }, () => "a").join("/"))).toBe(false);
    const long = compilePattern(`${"*/".repeat(200_000)}${"*".repeat(200_000)}a`);
    expect(long.matches("a/b")).toBe(false);
    expect(long.covers("a")).toBe(false);
  });
});

describe("compileFilter", () => {
  it("counts what an include matches and no exclude", () => {
    const filter = compileFilter({ include: ["**/*.md"], exclude: ["drafts/**"] });
    expect(filter.selects("a/b.md")).toBe(true);
    expect(filter.selects("a/b.txt")).toBe(false);
    expect(filter.selects("drafts/b.md")).toBe(false);
    expect(filter.enters("a")).toBe(true);
    expect(filter.enters("drafts")).toBe(false);
  });

  it("counts everything without an include", () => {
    const filter = compileFilter({ exclude: ["*.tmp"] });
    expect(filter.selects("a")).toBe(true);
    expect(filter.enters("a")).toBe(true);
    expect(filter.unmatched()).toEqual([]);
  });

  it("knows the includes that matched no file that counts", () => {
    const filter = compileFilter({ include: ["a/*", "b/*", "c"], exclude: ["b/**"] });
    filter.selects("a/x");
    filter.selects("b/x");
    filter.wouldSelect("c");
    expect(filter.unmatched()).toEqual(["b/*", "c"]);
    filter.selects("c");
    expect(filter.unmatched()).toEqual(["b/*"]);
  });
});

function caught(run: () => unknown): CtxPackError {
  try {
    run();
  } catch (error) {
    if (CtxPackError.isInstance(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
