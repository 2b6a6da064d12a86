import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { passageFault, readLines } from "../../src/proof-envelope/quote.ts";
import { workplace } from "../workplace.ts";

const place = workplace();

const text = fc
  .array(fc.constantFrom("a", "b", "ä", "\n", "\r\n", "\n\n"), { maxLength: 40 })
  .map((parts) => parts.join(""));

/** What a person counts: a last line without a line end is one too, nothing behind the last line end is none. */
function linesOf(content: string): string[] {
  const lines = content.replaceAll("\r\n", "\n").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

describe("readLines", () => {
  it("gives the lines that splitting the text gives", async () => {
    const file = join(await place(), "f");
    const range = fc.record({ start: fc.integer({ min: 1, max: 12 }), more: fc.nat({ max: 6 }) });
    await fc.assert(
      fc.asyncProperty(text, range, async (content, { start, more }) => {
        writeFileSync(file, content);
        const lines = linesOf(content);
        const end = start + more;
        const expected = end > lines.length ? undefined : lines.slice(start - 1, end).join("\n");
        expect(await readLines(file, { start, end }, undefined)).toBe(expected);
      }),
    );
  });

  it("gives lines over the ends of what is read at once", async () => {
    const file = join(await place(), "f");
    const lines = Array.from({ length: 9 }, (_, index) => `${index}`.repeat(20_000 + index));
    writeFileSync(file, lines.join("\n"));
    for (let start = 1; start <= 9; start++) {
      const found = await readLines(file, { start, end: 9 }, undefined);
      expect(found === lines.slice(start - 1).join("\n")).toBe(true);
    }
  });

  it("refuses lines of more than 16 MiB", async () => {
    const file = join(await place(), "f");
    writeFileSync(file, Buffer.alloc((16 << 20) + (1 << 17), 97));
    await expect(readLines(file, { start: 1, end: 1 }, undefined)).rejects.toMatchObject({
      code: "CTXPACK_E_TOO_LARGE",
    });
  });
});

describe("passageFault", () => {
  it("finds a quote wherever it stands, also over the ends of what is read at once", async () => {
    const file = join(await place(), "f");
    for (const at of [0, 65_530, 65_536, 131_070, 150_000]) {
      writeFileSync(file, `${"x".repeat(at)}needle\r\nin hay${"y".repeat(1000)}`);
      expect(await passageFault(file, { quote: "needle\nin hay" }, undefined)).toBeUndefined();
      expect(await passageFault(file, { quote: "needle in hay" }, undefined)).toBe("quote");
    }
  });

  it("agrees with looking for the quote in the whole text", async () => {
    const file = join(await place(), "f");
    const quote = text.filter((one) => one !== "" && !one.includes("\r"));
    await fc.assert(
      fc.asyncProperty(text, quote, async (content, wanted) => {
        // One kind of line end a file: what people and their editors have.
        const unix = content.replaceAll("\r\n", "\n");
        for (const written of [unix, unix.replaceAll("\n", "\r\n")]) {
          writeFileSync(file, written);
          const fault = await passageFault(file, { quote: wanted }, undefined);
          expect(fault === undefined).toBe(unix.includes(wanted));
        }
      }),
    );
  });

  it("stops when it is told", async () => {
    const file = join(await place(), "f");
    writeFileSync(file, "a");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(passageFault(file, { quote: "a" }, signal)).rejects.toThrow("enough");
  });
});
