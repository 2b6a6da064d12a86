// Whatever a file holds, its parts are the file.
import fc from "fast-check";
import { expect, test } from "vitest";
import { answerOf } from "../../src/mcp/answer.ts";
import { partOf } from "../../src/mcp/part.ts";

/** Reads a file as an agent does that gives each `next` as `offset`. */
function paged(file: Buffer, path: string, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let offset: number | undefined = 0; offset !== undefined; ) {
    const bytes = file.subarray(offset, offset + length);
    const answer = answerOf(partOf({ path, size: file.length, offset }, bytes));
    expect(Buffer.byteLength(answer.content[0]?.text ?? "")).toBeLessThanOrEqual(48 * 1024);
    const { cut, text, base64, next } = answer.structuredContent;
    expect(cut).toBeUndefined();
    parts.push(
      text === undefined ? Buffer.from(base64 as string, "base64") : Buffer.from(text as string),
    );
    if (next !== undefined) expect(next).toBeGreaterThan(offset);
    offset = next as number | undefined;
  }
  return Buffer.concat(parts);
}

/** Runs of what is long in JSON, of characters of each length, and of what is no text. */
const run = fc
  .tuple(
    fc.constantFrom("\0", '"', "\n", "\\", "\u007f", "a", "ü", "€", "😀", "\ufeff", "\u2028"),
    fc.integer({ min: 1, max: 20_000 }),
  )
  .map(([letter, count]) => Buffer.from(letter.repeat(count)));
const content = fc
  .array(fc.oneof({ weight: 4, arbitrary: run }, fc.uint8Array({ maxLength: 9 })), { maxLength: 6 })
  .map((runs) => Buffer.concat(runs));

test("pages give every byte back, and no answer is cut", () => {
  fc.assert(
    fc.property(
      content,
      fc.integer({ min: 4, max: 32_768 }),
      fc.constantFrom("a.txt", "\u0001".repeat(3800)),
      (file, length, path) => {
        fc.pre(file.length / length < 500);
        expect(paged(file, path, length).equals(file)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test.each(["\0", '"', "\n"])("so they do of a file of nothing but %j", (letter) => {
  const file = Buffer.from(letter.repeat(100_000));
  expect(paged(file, "a", 32_768).equals(file)).toBe(true);
});
