import { type Digest, sha256 } from "@ctxpack/identity";
import { expect, test } from "vitest";
import {
  attributeArtifact,
  type CandidateRun,
  contentPath,
  type RunPart,
} from "../../src/index.ts";
import { tool } from "../drift/runs.ts";
import { packInMemory } from "../run/memory.ts";

async function candidate(...parts: readonly RunPart[]): Promise<CandidateRun> {
  const pack = await packInMemory(parts);
  return { uri: pack.uri, head: pack.head, has: (path) => pack.tree.has(path) };
}

const output = (name: string, text: string, producedBy = 0): RunPart => ({
  output: { name, content: { text }, producedBy },
});
const step: RunPart = { step: tool("write", { n: 1 }, "ok") };
const digest = (text: string): Digest => sha256(new TextEncoder().encode(text));

const runs = async () => [
  await candidate(step, output("handlers/user.go", "package handlers\n")),
  await candidate(step, { input: { name: "spec.md", content: { text: "the spec" } } }),
  await candidate(
    { step: tool("cat", { f: "x" }, "long ".repeat(500)) },
    { output: { name: "gone.bin" } },
  ),
];

test("a file is attributed by its bytes, where it was written", async () => {
  const all = await runs();
  const found = await attributeArtifact(
    { digest: digest("package handlers\n"), path: "/src/app/handlers/user.go" },
    all,
  );
  expect(found).toEqual({
    verdict: "produced",
    runs: 3,
    matches: [{ uri: all[0]?.uri, as: "output", name: "handlers/user.go", producedBy: 0 }],
  });
});

test("§7.11.9: a renamed file is attributed still", async () => {
  const all = await runs();
  for (const path of ["/tmp/copy.txt", "user.go", undefined]) {
    const found = await attributeArtifact({ digest: digest("package handlers\n"), path }, all);
    expect(found.verdict).toBe("produced");
    expect(found.matches[0]?.renamed).toBe(path === undefined ? undefined : true);
  }
});

test("§7.11.8: a nested output that was tampered with is told from a file nobody produced", async () => {
  const all = await runs();
  const tampered = digest("package evil\n");
  const found = await attributeArtifact({ digest: tampered, path: "./handlers/user.go" }, all);
  expect(found.verdict).toBe("modified");
  expect(found.matches).toEqual([
    {
      uri: all[0]?.uri,
      as: "other-bytes",
      name: "handlers/user.go",
      producedBy: 0,
      expected: digest("package handlers\n"),
    },
  ]);
  // Not by the last segment: that is another user.go.
  for (const path of ["user.go", "/other/user.go", "/src/myhandlers/user.go", undefined]) {
    const unknown = await attributeArtifact({ digest: tampered, path }, all);
    expect(unknown).toEqual({ verdict: "unknown", matches: [], runs: 3 });
  }
});

test("what a run read or said is not what it produced", async () => {
  const all = await runs();
  const read = await attributeArtifact({ digest: digest("the spec"), path: "spec.md" }, all);
  expect(read).toMatchObject({ verdict: "unknown", matches: [{ uri: all[1]?.uri, as: "input" }] });
  const said = digest("long ".repeat(500));
  expect(await all[2]?.has?.(contentPath(said))).toBe(true);
  expect(await attributeArtifact({ digest: said, path: "said.txt" }, all)).toMatchObject({
    verdict: "unknown",
    matches: [{ uri: all[2]?.uri, as: "content" }],
  });
  expect(await attributeArtifact({ digest: said, path: "/x/gone.bin" }, all)).toMatchObject({
    verdict: "unknown",
    matches: [{ as: "content" }, { as: "no-bytes", name: "gone.bin" }],
  });
});

test("of several runs the one whose path agrees most comes first, whatever the order", async () => {
  const all = [
    await candidate(step, output("user.go", "same")),
    await candidate(step, output("other.go", "same")),
    await candidate(step, output("handlers/user.go", "same")),
  ];
  const artifact = { digest: digest("same"), path: "handlers/user.go" };
  const found = await attributeArtifact(artifact, all);
  expect(found.matches.map(({ name, renamed }) => [name, renamed])).toEqual([
    ["handlers/user.go", undefined],
    ["user.go", undefined],
    ["other.go", true],
  ]);
  expect(await attributeArtifact(artifact, all.reverse())).toEqual(found);
});
