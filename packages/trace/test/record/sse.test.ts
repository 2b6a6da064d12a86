import fc from "fast-check";
import { expect, test } from "vitest";
import { type SseEvent, SseReader } from "../../src/record/sse.ts";

function read(bytes: Uint8Array, cuts: readonly number[]): SseEvent[] {
  const reader = new SseReader();
  const places = [
    0,
    ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ];
  return places.slice(1).flatMap((end, index) => reader.push(bytes.subarray(places[index], end)));
}

const word = fc
  .string({ unit: "binary", maxLength: 12 })
  .map((text) => text.replace(/[\r\n\0\ufeff]/g, "_").toWellFormed());
const end = fc.constantFrom("\n", "\r", "\r\n");
const event = fc.record({
  name: fc.option(
    word.filter((text) => text !== "" && !text.startsWith(" ")),
    { nil: undefined },
  ),
  lines: fc.array(word, { minLength: 1, maxLength: 4 }),
  comment: fc.boolean(),
});

test("what was written is read, wherever the bytes are cut and however lines end", () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 6 }),
      end,
      fc.array(fc.nat(), { maxLength: 30 }),
      fc.boolean(),
      (events, eol, cuts, bom) => {
        const text = events
          .map(({ name, lines, comment }) =>
            [
              ...(comment ? [": keep-alive"] : []),
              ...(name === undefined ? [] : [`event: ${name}`]),
              ...lines.map((line) => `data: ${line}`),
              "",
              "",
            ].join(eol),
          )
          .join("");
        const bytes = new TextEncoder().encode((bom ? "\ufeff" : "") + text);
        expect(read(bytes, cuts)).toEqual(
          events.map(({ name, lines }) => ({ event: name ?? "message", data: lines.join("\n") })),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test("any bytes are read the same, wherever they are cut", () => {
  const piece = fc.constantFrom(
    "data",
    ":",
    " ",
    "\r",
    "\n",
    "\r\n",
    "event: x",
    "é",
    "\u{1f600}",
    "data: {}",
    "\ufeff",
    "id: 1",
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }),
      fc.array(fc.nat(), { maxLength: 40 }),
      (pieces, cuts) => {
        const bytes = new TextEncoder().encode(pieces.join(""));
        expect(read(bytes, cuts)).toEqual(read(bytes, []));
      },
    ),
    { numRuns: 1000 },
  );
});

test("an event that is too long is passed over, in bounded memory, and the next one is read", () => {
  const reader = new SseReader();
  const chunk = new TextEncoder().encode("x".repeat(1024 * 1024));
  reader.push(new TextEncoder().encode("data: "));
  for (let i = 0; i < 20; i++) expect(reader.push(chunk)).toEqual([]);
  expect(reader.push(new TextEncoder().encode("\n\ndata: next\n\n"))).toEqual([
    { event: "message", data: "next" },
  ]);
});

test("a data line without a value, a field without a colon, an event that the stream ends in", () => {
  const bytes = new TextEncoder().encode(
    "data\n\ndata:\n\ndata: a\ndata:  b\nretry: 1\n\nevent: x\n\ndata: lost",
  );
  expect(read(bytes, [])).toEqual([
    { event: "message", data: "" },
    { event: "message", data: "" },
    { event: "message", data: "a\n b" },
  ]);
});
