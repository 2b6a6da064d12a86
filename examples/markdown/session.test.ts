// That what is wrong in a document is found: the checks of blocks.test.ts, each made to fail.
import { mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeReadOnly } from "@ctxpack/test-tools";
import { afterAll, expect, test } from "vitest";
import { checkScript } from "./command-line.ts";
import { checkData } from "./data.ts";
import { type MarkdownDocument, parseDocument } from "./document.ts";
import { compilePrograms, type Programs, writePrograms } from "./programs.ts";
import { fateOf, runSession } from "./session.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "ctxpack-markdown-")));
afterAll(() => removeReadOnly(folder));

let made = 0;
function session(text: string): { document: MarkdownDocument; programs: Programs } {
  const document = parseDocument("docs/a.md", text.replaceAll("~~~", "```"));
  return { document, programs: writePrograms(join(folder, `${made++}`), [document]) };
}

function run(text: string): void {
  const { document, programs } = session(text);
  runSession(document, programs, undefined);
}

test("a document runs in one shell and one folder, with what is hidden first", () => {
  run(`<!-- before
export A=b
echo '{"transforms":[{"tool":"t"}]}' > c.json
-->
~~~sh
uri=$(ctxpack id c.json)
~~~
~~~console
$ echo $A; cat c.json; ctxpack id c.json | grep -c "$uri"
b
{"transforms":[{"tool":"t"}]}
1
~~~
<!-- before
import { readFileSync } from "node:fs";
-->
~~~ts
if (!readFileSync("c.json", "utf8").includes("tool")) throw new Error();
~~~`);
});

test("what fails, and what prints something else, is found with its line", () => {
  expect(() => run("~~~sh\nfalse\ntrue\n~~~")).toThrow("docs/a.md:2 failed");
  expect(() => run("\n~~~console\n$ echo a\nb\n~~~")).toThrow("docs/a.md:3: echo a\nprints:\na");
  expect(() => run("~~~js\nthrow new Error('x');\n~~~")).toThrow("docs/a.md:2 failed");
});

test("what does not compile is found with its line", () => {
  const { programs } = session("# A\n\n~~~ts\nconst a: number = 'b';\n~~~");
  expect(compilePrograms(programs)).toMatch(/^programs\/docs\+a\.md\+4\.mts\(4,7\): error/);
});

test("a language that nobody knows is refused; marks are understood", () => {
  const fates = (text: string) =>
    parseDocument("docs/a.md", text.replaceAll("~~~", "```")).blocks.map(
      (block) => fateOf(block).kind,
    );
  expect(() => fates("~~~python\n~~~")).toThrow("no test knows");
  expect(
    fates(`~~~text
~~~
<!-- needs: cloud account -->
~~~sh
~~~
<!-- only checked: why -->

~~~sh
~~~
<!-- needs: no-such-program -->
~~~sh
~~~
~~~sh
~~~`),
  ).toEqual(["text", "needs a cloud account", "only checked", "skipped", "run"]);
});

test.each([
  "ctxpack sed out",
  "ctxpack push a --form x",
  'uri="$(ctxpack seed out --contrat c)"',
  "A=1 ctxpack id | cat && ctx shw a",
  "npx -y pnpm@12 no-such-script",
  "if true; then",
])("a command that is none: %s", async (script) => {
  await expect(checkScript(script)).rejects.toThrow();
});

test("commands as they may be", async () => {
  await checkScript(
    'export A=b # ctxpack no\nuri=$(ctxpack seed ./out --contract "c.json" -q)\nctxpack run --tool x -- make --no-such | cat > f',
  );
});

test.each([
  ["json", '{"schema":"ctxpack.policy/v1","rules":[{}]}'],
  ["json", '{"pantries":[{"nam":"x"}]}'],
  ["json", '{"mcpServers":{"a":{"command":"ctxpack","args":["mcp","--rot","x"]}}}'],
  ["json", '{"unknown":true}'],
  ["yaml", "transforms: [{tol: x}]"],
  ["yaml", "jobs: {a: {steps: [{uses: ctxpack/ctxpack/action@v1, with: {contrac: x}}]}}"],
  ["yaml", "jobs: {a: {steps: [{run: ctxpack no}]}}"],
])("%s that nothing of ours reads: %s", async (language, text) => {
  await expect(checkData(language, text, "docs/a.md:1")).rejects.toThrow();
});
