// The manual that the build writes: what the commands say, and what man can show.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { missingProgram } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { manPages } from "../scripts/man-pages.ts";
import { COMMANDS } from "../src/commands.ts";
import { TOPICS } from "../src/topics/index.ts";
import { version } from "../src/version.ts";

const folder = join(import.meta.dirname, "../dist/man");

/** Pages as a reader sees them, without line breaks that depend on the width. */
function shown(names: readonly string[]): { text: string; stderr: string; status: number | null } {
  const files = names.map((name) => join(folder, name));
  const args = ["-ww", "-man", "-Tutf8", "-rLL=200n", ...files];
  const { stdout, stderr, status } = spawnSync("groff", args, { encoding: "utf8" });
  // A terminal is told of bold and italic by escapes, a printer by what is struck over.
  const text = stripVTControlCharacters(stdout).replaceAll(/.[\b]/gu, "");
  return { text, stderr, status };
}

test("the build has written every page, and the package names each", async () => {
  const pages = await manPages(version());
  const names = [...pages.keys()].sort();
  expect(readdirSync(folder).sort()).toEqual(names);
  for (const [name, page] of pages) expect(readFileSync(join(folder, name), "utf8")).toBe(page);
  const { man } = JSON.parse(readFileSync(join(folder, "../../package.json"), "utf8"));
  // npm links these into share/man, and does not look into folders.
  expect(man).toEqual(names.map((name) => `dist/man/${name}`));
});

test.skipIf(missingProgram("groff"))("groff shows all of them, and warns of nothing", () => {
  const { text, stderr, status } = shown(readdirSync(folder));
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  expect(text).not.toMatch(/\\[a-z[(]/);
  for (const name of readdirSync(folder)) {
    expect(text).toContain(name.toUpperCase().replace(/\.(\d)$/, "($1)"));
  }
});

test.skipIf(missingProgram("groff"))("a page has all that help has", async () => {
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const { usage, example, flags } = await load();
    const { text } = shown([`ctxpack-${name.replaceAll(" ", "-")}.1`]);
    const words = text.replaceAll(/\s+/g, " ");
    const flagged = Object.entries(flags).map(([flag, { about }]) => `--${flag} ${about}`);
    const told = [summary, `ctxpack ${usage}`, ...example];
    for (const part of told) expect(words).toContain(part.replaceAll(/\s+/g, " "));
    for (const part of flagged) {
      const [flag = "", ...about] = part.split(" ");
      expect(words).toContain(flag);
      expect(words).toContain(about.join(" "));
    }
  }
  for (const [name, tell] of Object.entries(TOPICS)) {
    const { text } = shown([`ctxpack-${name}.7`]);
    for (const line of tell().split("\n")) expect(text).toContain(line.trimEnd());
  }
});
