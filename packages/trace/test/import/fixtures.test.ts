import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { collect, reread } from "../run/memory.ts";
import { agentLogs } from "./agent-logs.ts";
import { fixture, packOne } from "./read.ts";
import { traceLogs } from "./trace-logs.ts";

for (const [name, expected] of Object.entries({ ...agentLogs, ...traceLogs })) {
  test(`${name} is told by what it holds, and every member is a step, a fact or a loss`, async () => {
    const bytes = await fixture(name);
    const lines: number[] = [];
    const options = {
      skipMalformed: true,
      onMalformed: ({ line }: { line: number }) => lines.push(line),
    };
    const pack = await packOne(bytes, options);
    const { head } = pack;
    expect(head.source).toMatchObject({
      format: expected.format,
      digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
      size: bytes.length,
    });
    expect(head.totals.steps).toEqual(expected.steps);
    expect(head.totals.errors).toBe(expected.errors ?? 0);
    expect(head.totals.usage).toEqual(expected.usage);
    expect(head.loss.map(({ path, reason, count }) => `${path} ${reason} ${count}`)).toEqual(
      expected.loss,
    );
    expect(lines).toHaveLength(expected.skipped ?? 0);
    // Read back whole, and the same when the log comes in pieces.
    expect(await collect(reread(pack).steps())).toHaveLength(head.steps.count);
    const again = await packOne(pieces(bytes), { ...options, onMalformed: undefined });
    expect(again.uri).toBe(pack.uri);
    expect([...again.tree]).toEqual([...pack.tree]);
  });
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 61) yield bytes.subarray(at, at + 61);
}
