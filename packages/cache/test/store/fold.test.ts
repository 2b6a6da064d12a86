import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type NameRules, probeNames, refuseFolding } from "../../src/store/fold.ts";
import { workplace } from "./fixture.ts";

const none: NameRules = { foldsCase: false, foldsForm: false, isWindows: false };

describe("refuseFolding", () => {
  const cases: [string, Partial<NameRules>, string[], boolean][] = [
    ["two files, where case counts", {}, ["A", "a"], true],
    ["two files, where it does not", { foldsCase: true }, ["A", "a"], false],
    ["two folders", { foldsCase: true }, ["A/x", "a/y"], false],
    ["a folder and a file", { foldsCase: true }, ["A/x", "a"], false],
    ["one folder twice", { foldsCase: true }, ["A/x", "A/y"], true],
    ["ß and SS", { foldsCase: true }, ["STRASSE", "straße"], false],
    ["two forms of é, where only case is folded", { foldsCase: true }, ["\u00e9", "e\u0301"], true],
    ["two forms of é", { foldsForm: true }, ["\u00e9", "e\u0301"], false],
    ["a backslash", { isWindows: true }, ["a\\b"], false],
    ["a device name", { isWindows: true }, ["x/nul.txt"], false],
    ["a device name with a superscript digit", { isWindows: true }, ["COM¹"], false],
    ["a console", { isWindows: true }, ["a/CONIN$"], false],
    ["a trailing dot", { isWindows: true }, ["a./b"], false],
    ["a stream", { isWindows: true }, ["a:b"], false],
    ["plain names", { isWindows: true, foldsCase: true, foldsForm: true }, ["a.b/c", "null"], true],
  ];
  it.each(cases)("%s", (_, rules, paths, isFine) => {
    const check = (): void => refuseFolding(paths, { ...none, ...rules }, "/target");
    if (isFine) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code: "CTXPACK_E_UNSUPPORTED" }));
  });
});

describe("probeNames", () => {
  it("says what this file system does, and leaves nothing", () => {
    const dir = workplace();
    const rules = probeNames(join(dir, "probe"));
    mkdirSync(join(dir, "own"));
    writeFileSync(join(dir, "own", "x"), "");
    expect(rules.foldsCase).toBe(existsSync(join(dir, "own", "X")));
    expect(existsSync(join(dir, "probe"))).toBe(false);
  });
});
