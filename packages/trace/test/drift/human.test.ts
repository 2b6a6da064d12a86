import { expect, test } from "vitest";
import { diffRuns, renderDiff } from "../../src/index.ts";
import { llm, runOf, stepsOf, tool, user } from "./runs.ts";

test("a comparison for a person", async () => {
  const a = await runOf(
    { system: { text: "Be brief.\nBe kind.\n" } },
    ...[user("q"), tool("read", { path: "a.txt" }, "1"), llm("one")].map((step) => ({ step })),
  );
  const b = await runOf(
    { system: { text: "Be brief.\nBe rude.\n" } },
    ...[user("q"), tool("ls", {}, "a.txt"), tool("read", { path: "a.txt" }, "1"), llm("two")].map(
      (step) => ({ step }),
    ),
  );
  const text = renderDiff(await diffRuns(a, b));
  const id = (uri: string) => uri.slice("ctx://sha256:".length).slice(0, 12);
  expect(text).toBe(`Comparing ${id(a.uri)} vs ${id(b.uri)}

3 differences found:

  1. [prompt_drift] system prompt changed
     /system/0
       @@ -1,3 +1,3 @@
        Be brief.
       -Be kind.
       +Be rude.
        
  2. [tool_drift] step 1: ls (tool) added  <- the runs part here
     after 1: the model saw it
     /steps/1/request: + {}
     /steps/1/result: + "a.txt"
  3. [reasoning_drift] step 3 (was 2): llm: result
     after 1: the model saw it
     /steps/3/result: "one" -> "two"

Steps: 2 same, 1 changed, 1 added
`);
});

test("no difference", async () => {
  const run = await stepsOf(user("x"));
  expect(renderDiff(await diffRuns(run, run))).toMatch(/\n\nNo differences found\.\n$/);
});

test("nothing in a run is obeyed by a terminal", async () => {
  const evil = "\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e\r";
  const a = await stepsOf(user(`${evil}\n1`), tool(`t${evil}`, { [`k${evil}`]: evil }, evil));
  const b = await stepsOf(user(`${evil}\n2`), tool(`u${evil}`, { [`k${evil}`]: "x" }, "y"));
  const diff = await diffRuns(a, b);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const unsafe = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
  expect(renderDiff(diff)).not.toMatch(unsafe);
  for (const { description } of diff.entries) expect(description).not.toMatch(unsafe);
});
