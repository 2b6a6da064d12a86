// Topics of help say what the program does: each is held against where it comes from.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EXIT_CODES } from "../src/exit.ts";
import { TOPIC_NAMES } from "../src/help.ts";
import { KEYS } from "../src/topics/config.ts";
import { VARIABLES } from "../src/topics/env.ts";
import { EXIT_MEANINGS } from "../src/topics/exit-codes.ts";
import { TOPICS } from "../src/topics/index.ts";
import { cleanUp, result, run, scratch } from "./run.ts";

cleanUp();

const packages = join(import.meta.dirname, "../..");

test.for(TOPIC_NAMES)("ctxpack help %s fits a terminal", async (name) => {
  const text = await result(["help", name], { cwd: scratch() });
  expect(text).toBe(TOPICS[name]?.());
  for (const line of text.split("\n")) expect(line.length, line).toBeLessThanOrEqual(118);
  // Nothing that is not told.
  expect(text).not.toMatch(/undefined|^ {2}\S+ *$/m);
});

test("no other topics, and no command has the name of one", async () => {
  expect(Object.keys(TOPICS)).toEqual(TOPIC_NAMES);
  const cwd = scratch();
  for (const name of TOPIC_NAMES) expect((await run([name], { cwd })).code).toBe(2);
});

test("every exit code of an error has a meaning", () => {
  for (const code of Object.values(EXIT_CODES)) expect(EXIT_MEANINGS).toHaveProperty([`${code}`]);
});

test("every variable of ours in the sources is told of, and none that is not there", () => {
  const sources = readdirSync(packages, { recursive: true, encoding: "utf8" })
    .filter((path) => /^[a-z]+\/src\/.*\.ts$/.test(path) && !path.startsWith("cli/src/topics"))
    .map((path) => readFileSync(join(packages, path), "utf8"))
    .join("\n");
  const found = sources.match(/\bCTX(?:PACK|P)_(?!E_)[A-Z_]*[A-Z]\b/g) ?? [];
  const ours = Object.keys(VARIABLES).filter((name) => name.startsWith("CTX"));
  expect([...new Set(found)].sort()).toEqual(ours.sort());
  for (const name of Object.keys(VARIABLES)) expect(sources).toContain(name);
});

test("the keys of a configuration are those that a configuration may have", async () => {
  const cwd = scratch();
  const env = { XDG_CONFIG_HOME: cwd, CTXPACK_CACHE_DIR: "" };
  const { CtxPack } = await import("@ctxpack/client");
  const { mkdirSync, writeFileSync } = await import("node:fs");
  mkdirSync(join(cwd, "ctxpack"));
  const write = (value: object) =>
    writeFileSync(join(cwd, "ctxpack/config.json"), JSON.stringify(value));
  write({ unknown: 1 });
  const error = await CtxPack.open({ cwd, env }).catch((thrown) => thrown);
  for (const name of Object.keys(KEYS)) {
    // Null is no value for most: what is refused then is the value, not the key.
    write({ [name]: null });
    const refused = await CtxPack.open({ cwd, env }).catch((thrown: Error) => thrown);
    if (refused instanceof Error) expect(refused.message).not.toMatch(/unknown/);
  }
  const source = readFileSync(join(packages, "client/src/config-file.ts"), "utf8");
  const keys = /const KEYS = \[([^\]]+)\]/.exec(source)?.[1]?.match(/[$\w]+/g);
  expect(keys).toEqual(Object.keys(KEYS));
  expect(error).toBeInstanceOf(Error);
});
