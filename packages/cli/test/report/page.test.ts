// The page of a report in Debian's chromium, as a person uses it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StoreReport } from "@ctxpack/client";
import { reportPage } from "@ctxpack/client/report";
import { findBrowser, TestBrowser, type WatchedPage } from "@ctxpack/test-tools";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cleanUp, result, scratch } from "../run.ts";
import { hostileReport, largeReport } from "./reports.ts";
import { type Scene, scene } from "./scene.ts";

const isMissing = findBrowser() === undefined;
if (isMissing) console.log("skipped: needs chromium");
const look = test.skipIf(isMissing);

cleanUp();

let browser: TestBrowser;
let made: Scene;
let file: string;
beforeAll(async () => {
  if (isMissing) return;
  browser = await TestBrowser.start();
  made = await scene();
  file = join(made.cwd, "report.html");
  await result(["report", "--html", file, "--runs", "runs.ndjson"], { cwd: made.cwd });
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
});

async function open(report: StoreReport): Promise<WatchedPage> {
  const path = join(scratch(), "report.html");
  writeFileSync(path, [...reportPage(report)].join(""));
  return await browser.open(path);
}

function expectQuiet({ console: said, requests }: WatchedPage): void {
  expect({ said, requests }).toEqual({ said: [], requests: [] });
}

// In the page's own words: types of a browser's globals would change those of Node everywhere.
const FOCUSED = 'document.activeElement?.closest("tr")?.id';
const ONE_SHOWN = 'document.querySelector("#count")?.textContent === "1 shown"';

function shownRows({ page }: WatchedPage): Promise<string[]> {
  return page.$$eval("#packs > tbody > tr", (rows) =>
    rows.filter((row) => !row.hidden).map((row) => row.id as string),
  );
}

const rowOf = (uri: string): string => `p${uri.slice("ctx://sha256:".length).slice(0, 12)}`;

look("packs are filtered, searched and unfolded", async () => {
  const watched = await browser.open(file);
  const { page } = watched;
  const { index, text } = made.uris;
  expect(await shownRows(watched)).toHaveLength(6);
  await page.click('button[data-filter="computed"]');
  expect(await shownRows(watched)).toHaveLength(2);
  expect(await shownRows(watched)).toContain(rowOf(text));
  await page.click('button[data-filter="computed"]');
  await page.keyboard.press("/");
  await page.keyboard.type("1 signature");
  await page.waitForFunction(ONE_SHOWN);
  expect(await shownRows(watched)).toEqual([rowOf(index)]);
  const row = `#${rowOf(index)}`;
  await page.click(`${row} summary`);
  expect(await page.$eval(`${row} details`, (details) => details.open)).toBe(true);
  const said = await page.$eval(row, (one) => one.textContent);
  for (const word of ["wc@9", "m-3", `words: ${made.uris.words}`, "not checked here"]) {
    expect(said).toContain(word);
  }
  expectQuiet(watched);
});

look("keys go from pack to pack, and a box of the graph leads to its pack", async () => {
  const watched = await browser.open(file);
  const { page } = watched;
  const [first, second] = await shownRows(watched);
  for (const key of ["j", "j", "k"] as const) await page.keyboard.press(key);
  expect(await page.evaluate(FOCUSED)).toBe(first);
  await page.keyboard.press("Enter");
  expect(await page.$eval(`#${first} details`, (details) => details.open)).toBe(true);
  await page.keyboard.press("j");
  expect(await page.evaluate(FOCUSED)).toBe(second);
  // Two stages and what a map took from the one before: four boxes, two lines.
  expect(await page.$$eval("svg.graph rect", (all) => all.length)).toBe(4);
  expect(await page.$$eval("svg.graph path", (all) => all.length)).toBe(2);
  expect(await page.$$eval("svg.graph .signed", (all) => all.length)).toBe(1);
  const id = rowOf(made.uris.words);
  await page.$eval(`svg.graph a[href='#${id}']`, (box) => {
    box.dispatchEvent(new Event("click", { bubbles: true, cancelable: true }));
  });
  expect(await page.evaluate(FOCUSED)).toBe(id);
  expectQuiet(watched);
});

look("it tells of misses, hits, trust and what is not deterministic", async () => {
  const watched = await browser.open(file);
  const text = await watched.page.$eval("main", (main) => main.textContent);
  for (const said of [
    "min_length 4 → 3",
    "min_length 3 → 2",
    "1 hit, 0 computed, 0 failed",
    "1 line of the files given with --runs could not be read",
    "1 not deterministic",
    "nanos.json",
    "No signature was checked for this page",
  ]) {
    expect(text).toContain(said);
  }
  expectQuiet(watched);
});

look("a screen reader gets headings, names of tables, and the graph as a table", async () => {
  const watched = await browser.open(file);
  const { page } = watched;
  type Node = { role: string; name?: string; children?: Node[] };
  const tree = (await page.accessibility.snapshot({ interestingOnly: false })) as Node | null;
  const all: Node[] = [];
  const walk = (node: Node): void => {
    all.push(node);
    node.children?.forEach(walk);
  };
  if (tree) walk(tree);
  const names = (role: string) => all.filter((one) => one.role === role).map(({ name }) => name);
  expect(names("heading")).toEqual(
    expect.arrayContaining(["Disk", "Hits", "Misses", "Trust", "Determinism", "Packs"]),
  );
  expect(names("region")).toEqual(expect.arrayContaining(["Packs", "Misses", "Contracts"]));
  expect(names("columnheader")).toEqual(expect.arrayContaining(["Pack", "Trust", "Why"]));
  expect(names("rowheader").join()).toContain("index");
  const table = await page.$eval("figure + details table", (one) => one.textContent);
  expect(table).toContain("words");
  expect(table).toContain("2 items");
  const unnamed = all.filter(
    ({ role, name }) => ["button", "searchbox", "link", "img"].includes(role) && !name,
  );
  expect(unnamed).toEqual([]);
  expectQuiet(watched);
});

look("light and dark, and nothing is cut off on a phone", async () => {
  const [light, dark] = [
    await browser.open(file),
    await browser.open(file, { dark: true, width: 390 }),
  ];
  const paper = ({ page }: WatchedPage) =>
    page.evaluate("getComputedStyle(document.body).backgroundColor");
  expect(await paper(light)).toBe("rgb(255, 255, 255)");
  expect(await paper(dark)).toBe("rgb(21, 23, 26)");
  await dark.page.click("#theme");
  expect(await paper(dark)).toBe("rgb(255, 255, 255)");
  const width = await dark.page.evaluate("document.documentElement.scrollWidth");
  expect(width).toBeLessThanOrEqual(390);
  for (const watched of [light, dark]) expectQuiet(watched);
});

look("names of others are text, whatever they say, and provenance may go in circles", async () => {
  const watched = await open(hostileReport());
  const { page } = watched;
  const made = await page.$$eval(
    "img, iframe, object, embed, form, svg:not(.graph)",
    (all) => all.length,
  );
  expect(made).toBe(0);
  expect(await page.$$eval("script", (all) => all.length)).toBe(1);
  expect(await page.title()).toBe("ctxpack report");
  const text = await page.$eval("body", (body) => body.textContent);
  for (const hidden of ["\u001b", "\u202e", "\u0000"]) expect(text).not.toContain(hidden);
  expect(text).toContain("\\u001b[31m");
  expectQuiet(watched);
});

look("ten thousand packs are a page that answers, and says what it leaves out", async () => {
  const report = largeReport(10_000);
  const watched = await open(report);
  const { page } = watched;
  expect(await shownRows(watched)).toHaveLength(2000);
  const text = await page.$eval("main", (main) => main.textContent);
  expect(text).toContain("8,000 more are not on this page: ctxpack ls --plain");
  expect(text).toContain("9,850 more packs that have to do with others are not drawn");
  expect(text).toContain("8,999 more are not on this page: ctxpack report --json");
  await page.type("#search", "pack-1999 ");
  await page.waitForFunction(ONE_SHOWN);
  expect(await shownRows(watched)).toEqual([rowOf(report.packs[1999]?.uri ?? "")]);
  expectQuiet(watched);
});
