// What our documents say on a terminal, run as it stands: every command, and every line it prints.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startDockerRegistry } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { comparable, runTranscript, transcript } from "./transcript.ts";

const root = join(import.meta.dirname, "..");

function expectTranscript(file: string, registry: string | undefined): void {
  const steps = transcript(readFileSync(join(root, file), "utf8"));
  expect(steps.length).toBeGreaterThan(8);
  const put = (text: string) => (registry ? text.replaceAll("localhost:5000", registry) : text);
  const printed = runTranscript(steps.map((step) => ({ ...step, command: put(step.command) })));
  for (const [index, step] of steps.entries()) {
    expect(comparable(printed[index] ?? ""), step.command).toBe(comparable(put(step.printed)));
  }
}

test("README.md: the transcript runs and prints what it says", () => {
  expectTranscript("README.md", undefined);
});

const hasRegistry = spawnSync("docker-registry", ["--version"]).status === 0;
if (!hasRegistry) console.log("SKIPPED docs/tutorials/first-hour.md: docker-registry is missing");

test.skipIf(!hasRegistry)("docs/tutorials/first-hour.md", async () => {
  await using registry = await startDockerRegistry();
  expectTranscript("docs/tutorials/first-hour.md", registry.host);
});
