import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalize, type JsonValue } from "@ctxpack/identity";
import { importRuns, packRun } from "@ctxpack/trace";
import { describe, expect, test } from "vitest";

interface Vector {
  readonly what: string;
  readonly log: string;
  readonly format: string;
  readonly uri: string;
  readonly head: string;
  readonly steps: readonly string[];
  readonly contents: Readonly<Record<string, string>>;
}

const vectors: Vector[] = JSON.parse(
  readFileSync(join(import.meta.dirname, "../vectors/runs.json"), "utf8"),
);
const hex = (text: string) => createHash("sha256").update(text).digest("hex");

/** What a log becomes, in the form of a vector. */
async function packed(log: string): Promise<Omit<Vector, "what" | "log">> {
  for await (const { format, parts } of importRuns(new TextEncoder().encode(log))) {
    const files = packRun(parts);
    const texts: Record<string, string> = {};
    for (;;) {
      const { done, value } = await files.next();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      if (!done) texts[value.path] = (texts[value.path] ?? "") + text(value.bytes);
      else {
        const { "steps.ndjson": steps = "", ...contents } = texts;
        const lines = steps.split("\n").slice(0, -1);
        return { format, uri: value.uri, head: text(value.config), steps: lines, contents };
      }
    }
  }
  throw new Error("no run");
}

describe.each(vectors)("$what", ({ log, what: _, ...expected }) => {
  test("is what the log becomes", async () => {
    const { contents, ...run } = await packed(log);
    expect({ ...run, contents: withoutFolder(contents) }).toEqual(expected);
  });

  test("holds together", () => {
    const { uri, head, steps, contents } = expected;
    expect(uri).toBe(`ctx://sha256:${hex(head)}`);
    const { count, digest } = JSON.parse(head).steps;
    expect([count, digest]).toEqual([
      steps.length,
      `sha256:${hex(steps.map((line) => `${line}\n`).join(""))}`,
    ]);
    for (const line of [head, ...steps])
      expect(canonicalize(JSON.parse(line) as JsonValue)).toBe(line);
    for (const [name, text] of Object.entries(contents)) {
      expect(hex(text)).toBe(name);
      expect([head, ...steps].join("\n")).toContain(`"digest":"sha256:${name}"`);
    }
  });
});

function withoutFolder(contents: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(contents).map(([path, text]) => [path.replace(/^content\//, ""), text]),
  );
}
