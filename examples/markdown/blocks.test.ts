// Every code block of our documents is run, or held against what it is about. Documents that come are found by
// themselves; CONTRIBUTING.md says how a block is marked.
import { mkdtempSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingProgram, removeReadOnly, startDockerRegistry } from "@ctxpack/test-tools";
import { afterAll, describe, expect, test } from "vitest";
import { checkScript, simpleCommands } from "./command-line.ts";
import { checkData } from "./data.ts";
import { type MarkdownDocument, readDocument, repositoryFiles, root } from "./document.ts";
import { compilePrograms, writePrograms } from "./programs.ts";
import { asksRegistry, type Fate, fateOf, runSession } from "./session.ts";
import { transcript } from "./transcript.ts";

/** Declarations of packages, and what is about a change and not about the product. */
const NO_DOCUMENTS = /(?:^\.changeset\/|\/api\.md$|\/test\/fixtures\/)/;

const documents = repositoryFiles()
  .filter((path) => path.endsWith(".md") && !NO_DOCUMENTS.test(path))
  .map(readDocument)
  .filter(({ blocks }) => blocks.length > 0);
/** READMEs of examples begin with the files of a folder: a test in there runs them (`../readme.ts`). */
const EXAMPLE = /^examples\/([^/]+)\/README\.md$/;
const folder = realpathSync(mkdtempSync(join(tmpdir(), "ctxpack-markdown-")));
const programs = writePrograms(folder, documents);
const counts = new Map<string, number>();

afterAll(() => {
  removeReadOnly(folder);
  const all = [...counts].sort().map(([fate, n]) => `${n} ${fate}`);
  console.log(`code blocks of ${documents.length} documents: ${all.join(", ")}`);
});

test("what is TypeScript or JavaScript compiles", () => {
  expect(compilePrograms(programs)).toBe("");
});

test.each(["README.md", "docs/tutorials/first-hour.md"])(
  "%s says how to get ctxpack before it is called",
  (path) => {
    const { blocks } = readDocument(path);
    const commands = blocks.flatMap(({ language, code }) => {
      if (language === "sh") return simpleCommands(code);
      if (language !== "console") return [];
      return transcript(code).flatMap(({ command }) => simpleCommands(command));
    });
    const installed = commands.findIndex(
      (words) => words.join(" ") === "npm install --global @ctxpack/cli",
    );
    expect(installed).toBeGreaterThan(-1);
    expect(commands.findIndex(([program]) => program === "ctxpack")).toBeGreaterThan(installed);
  },
);

describe.each(documents)("$path", (document) => {
  test("is right in what is not run", async () => {
    for (const block of document.blocks) {
      const fate = fateOf(block);
      const label = labelOf(document, fate);
      counts.set(label, (counts.get(label) ?? 0) + 1);
      if (label === "run") continue;
      await check(document, block);
    }
  });

  if (EXAMPLE.test(document.path)) {
    test.runIf(document.blocks.some(({ language }) => language === "console"))(
      "is run by a test of its own",
      () => expectOwnTest(document.path),
    );
    return;
  }

  const needsRegistry = asksRegistry(document);
  const programsOf = needsRegistry
    ? ["docker-registry", ...(document.account ? ["htpasswd"] : [])]
    : [];
  const isMissing = missingProgram(...programsOf);
  if (isMissing) console.log(`SKIPPED ${document.path}`);

  test.skipIf(isMissing)("runs", async () => {
    if (!needsRegistry) return runSession(document, programs, undefined);
    const { account } = document;
    const auth = account && ({ kind: "htpasswd", ...account } as const);
    await using registry = await startDockerRegistry({ auth });
    runSession(document, programs, registry.host);
  });
});

function labelOf({ path }: MarkdownDocument, fate: Fate): string {
  if (fate.kind === "skipped") return `skipped (no ${fate.missing})`;
  return fate.kind === "run" && EXAMPLE.test(path) ? "run by another test" : fate.kind;
}

function expectOwnTest(path: string): void {
  const example = join(root, path, "..");
  const tests = readdirSync(example).filter((name) => name.endsWith(".test.ts"));
  const texts = tests.map((name) => readFileSync(join(example, name), "utf8"));
  expect(texts.filter((text) => /\bexpectReadme\(/.test(text))).not.toEqual([]);
}

async function check(
  { path }: MarkdownDocument,
  { code, language, line, onlyChecked, runBy }: MarkdownDocument["blocks"][number],
): Promise<void> {
  const where = `${path}:${line}`;
  try {
    if (runBy !== undefined) statSync(join(root, runBy));
    if (language === "sh") await checkScript(code);
    if (language === "console") {
      for (const { command } of transcript(code)) await checkScript(command);
    }
    if (language === "json" && onlyChecked !== undefined) JSON.parse(code);
    else if (language === "json" || language === "yaml") await checkData(language, code, where);
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  }
}
