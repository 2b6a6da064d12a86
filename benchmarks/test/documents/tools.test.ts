import { describe, expect, it } from "vitest";
import { chunksOf } from "../../src/documents/tools/chunks.ts";
import { DIMENSIONS, embed } from "../../src/documents/tools/embed.ts";
import { textOf } from "../../src/documents/tools/html-text.ts";
import { pagesOf } from "../../src/documents/tools/pages.ts";

describe("textOf", () => {
  it("is what a reader sees, a line a block", () => {
    const html = `<html><head><title>t</title></head><body><!-- <p>no</p> --><script>1 < 2</script>
      <h1 title="15.20">VACUUM  &amp;\n analyse</h1><ul><li>a<b>b</b></li><li>&#x3b1;&#946;&nbsp;&unknown;</li></ul>`;
    expect(textOf(html)).toBe("VACUUM & analyse\nab\nαβ &unknown;");
  });
});

describe("pagesOf", () => {
  it("keeps the numbers of pages when one is blank", () => {
    expect(pagesOf("one\f \n\fthree\f")).toEqual([
      [1, "one"],
      [3, "three"],
    ]);
  });
});

describe("chunksOf", () => {
  it("has every word, in pieces of at most a thousand characters that overlap", () => {
    const words = Array.from({ length: 2000 }, (_, at) => `w${at}`);
    const chunks = chunksOf(words.join(" "));
    expect(chunks.length).toBeGreaterThan(10);
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(1000);
    const pieces = chunks.map((chunk) => chunk.split(" "));
    expect([...new Set(pieces.flat())]).toEqual(words);
    for (const [at, piece] of pieces.slice(1).entries()) {
      expect(pieces[at]).toContain(piece[0]);
    }
  });

  it("ends, without white space too", () => {
    expect(chunksOf("")).toEqual([]);
    expect(chunksOf("x".repeat(5000)).every(({ length }) => length <= 1000)).toBe(true);
  });
});

describe("embed", () => {
  it("is of length 1, the same for the same words, and nearest to what shares them", () => {
    const near = (a: string, b: string): number => {
      const [x, y] = [embed(a), embed(b)];
      return x.reduce((sum, value, at) => sum + value * (y[at] as number), 0);
    };
    expect(embed("restart intensity").length).toBe(DIMENSIONS);
    expect(near("Restart, intensity!", "restart intensity")).toBeCloseTo(1, 5);
    expect(
      near("restart intensity of a supervisor", "the supervisor's restart intensity"),
    ).toBeGreaterThan(near("restart intensity of a supervisor", "vacuum and analyse a table"));
    expect(embed("…").every((value) => value === 0)).toBe(true);
  });
});
