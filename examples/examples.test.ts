// Every example is run as a person would; it checks itself what it says.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

test.each([
  ["pipeline/pipeline.ts", "the text was the same: nothing was embedded again"],
  ["recheck/recheck.ts", "the store remembers that it is not deterministic"],
  ["memoize/memoize.ts", "another machine found it in the pantry"],
  ["langchain/cached-embeddings.ts", "of three texts only the new one was embedded"],
  ["ai-sdk/remembered.ts", "a question that was asked before is not asked again"],
  ["documents/documents.ts", "the second time it did not"],
])("%s", (script, said) => {
  const done = spawnSync(process.execPath, [join(import.meta.dirname, script)], {
    encoding: "utf8",
    timeout: 100_000,
  });
  expect([done.status, done.stderr]).toEqual([0, ""]);
  expect(done.stdout).toContain(`✓ ${said}`);
  for (const [line] of done.stdout.matchAll(/^SKIPPED.*$/gm)) console.log(`${script}: ${line}`);
});
