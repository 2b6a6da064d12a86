import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { works } from "../src/peers/works.ts";
import { shell } from "../src/programs.ts";

it("leaves out a peer that fails, with what it says, and throws for one of ours", () => {
  const notes: string[] = [];
  const race = { note: (line: string) => void notes.push(line) };
  const failing = (name: string) => ({ name, argv: () => shell("echo no room >&2; exit 3") });
  expect(works(race, { name: "`cp`", argv: () => shell("true") })).toBe(true);
  expect(notes).toEqual([]);
  expect(works(race, failing("`cp`"))).toBe(false);
  expect(notes).toEqual(["`cp` fails and is left out: no room"]);
  expect(() => works(race, failing("`ctxpack`"))).toThrow("no room");
});

it("leaves out a peer whose work is wrong, and gives the room back that a trial took", () => {
  const dir = mkdtempSync(join(tmpdir(), "ctxpack-works-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "file");
  const notes: string[] = [];
  const contender = {
    name: "`cp`",
    prepare: () => writeFileSync(file, Buffer.alloc(100_000)),
    argv: () => shell("true"),
    leaves: () => [file],
  };
  const check = (): void => {
    throw new Error("a file is missing");
  };
  expect(works({ note: (line) => void notes.push(line) }, contender, check)).toBe(false);
  expect(notes).toEqual(["`cp` fails and is left out: a file is missing"]);
  expect(readFileSync(file)).toHaveLength(0);
});
