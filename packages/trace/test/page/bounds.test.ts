// What a page is made of stays bounded, whatever the runs hold.
import { expect, test } from "vitest";
import { diffPage, showPage } from "../../src/index.ts";
import { llm, stepsOf, tool } from "../drift/runs.ts";

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

test("pieces of a page are bounded, groups of its list are whole", async () => {
  const long = "<".repeat(8000);
  const steps = Array.from({ length: 600 }, (_, n) => llm(`${n} ${long}`));
  let [text, longest] = ["", 0];
  for await (const piece of showPage(await stepsOf(...steps))) {
    text += piece;
    longest = Math.max(longest, piece.length);
  }
  expect(text.length).toBeGreaterThan(600 * 32_000);
  expect(longest).toBeLessThan(2 * 1024 * 1024);
  const groups = text.split('<ol class="steps">').slice(1);
  expect(groups.map((group) => group.split("<li id=").length - 1)).toEqual([250, 250, 100]);
  for (const group of groups) expect(group.match(/<\/li>\n<\/ol>\n/g)).toHaveLength(1);
});

test("names of files are cut with their count, and all that is said is charged", async () => {
  const names = (length: number, size: number) =>
    Array.from({ length }, (_, n) => `${"<".repeat(size)}/${n}`);
  const step = { kind: "tool" as const, name: "t", effects: { read: names(80, 10) } };
  const one = await textOf(showPage(await stepsOf(step)));
  expect(one).toContain("/49 and 30 more</dd>");
  // On the page all of them would be 54 million characters.
  const list = names(50, 990);
  const steps = Array.from({ length: 90 }, () => ({
    ...step,
    effects: { read: list, write: list, net: list },
  }));
  const run = await stepsOf(...steps);
  const text = await textOf(showPage(run));
  expect(text.length).toBeLessThan(50 * 1024 * 1024);
  const last = `this page holds no more: <code>ctxpack trace show ${run.uri} --step 89</code>`;
  expect(text.includes(last)).toBe(true);
});

test("parts beyond the first hundred are counted", async () => {
  const parts = Array.from({ length: 150 }, (_, n) => ({
    absent: "external" as const,
    reference: `r${n}-`,
  }));
  const run = await stepsOf({ kind: "user", result: { parts } });
  const text = await textOf(showPage(run));
  expect(text).toContain("r99-");
  expect(text).not.toContain("r100-");
  expect(text).toContain("and 50 more parts: ");
});

test("beyond the limit of entries steps are only counted", async () => {
  const run = (word: string, count: number) =>
    stepsOf(
      ...Array.from({ length: count }, (_, n) =>
        n % 2 === 0 ? tool(`same-${n}`, { n }, "ok") : tool(`tool-${n}`, { n }, `${word} ${n}`),
      ),
    );
  const page = async (count: number) =>
    await textOf(diffPage(await run("a", count), await run("b", count), { maxEntries: 10 }));
  const [few, many] = [await page(40), await page(2000)];
  // Ten rows of steps that differ, the same ones between them, and nothing of the rest.
  for (const [text, differences, steps] of [
    [few, "10", "20"],
    [many, "990", "1,980"],
  ] as const) {
    expect(text.match(/<li (?:id="first" )?class="(?:first )?pair"/g)).toHaveLength(10);
    expect(text.match(/<li class="same"/g)).toHaveLength(10);
    expect(text).toContain(`and ${differences} more differences`);
    expect(text).toContain(`and ${steps} more steps`);
  }
  expect(many.length - few.length).toBeLessThan(1000);
});

test("of steps that are the same a bounded part is listed", async () => {
  const long = "<".repeat(160);
  const alternating = (word: string) =>
    stepsOf(
      ...Array.from({ length: 12_000 }, (_, n) =>
        n % 101 === 100 ? tool("t", { n }, word) : llm(`${n} ${long}`),
      ),
    );
  const text = await textOf(diffPage(await alternating("a"), await alternating("b")));
  const listed = text.split('<li class="same"').slice(1).join("");
  // Each pair is some 1,500 characters: all of them would be 18 million.
  expect(listed.length).toBeLessThan(9 * 1024 * 1024);
  expect(text).toContain(
    '100 steps are the same, <u>show</u></summary><p class="note">and 100 more</p>',
  );
});
