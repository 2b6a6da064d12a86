// Our pages in Debian's chromium, as a person uses them.
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBrowser, TestBrowser, type WatchedPage } from "@ctxpack/test-tools";
import { afterAll, beforeAll, expect, test } from "vitest";
import { diffPage, importRuns, type Run, showPage } from "../../src/index.ts";
import { llm, runOf, stepsOf, tool, user } from "../drift/runs.ts";
import { packInMemory, reread } from "../run/memory.ts";

const isMissing = findBrowser() === undefined;
if (isMissing) console.log("skipped: needs chromium");
const look = test.skipIf(isMissing);

let browser: TestBrowser;
let folder: string;
let files = 0;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "ctxpack-page-"));
  if (!isMissing) browser = await TestBrowser.start();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

/** Opens a page that was made. */
async function open(
  pieces: AsyncIterable<string>,
  options: { readonly width?: number; readonly dark?: boolean } = {},
): Promise<WatchedPage> {
  const file = join(folder, `${++files}.html`);
  writeFileSync(file, await textOf(pieces));
  return await browser.open(file, options);
}

function expectQuiet({ console: said, requests }: WatchedPage): void {
  expect({ said, requests }).toEqual({ said: [], requests: [] });
}

async function fixture(name: string): Promise<Run> {
  const log = createReadStream(join(import.meta.dirname, "../fixtures", name));
  for await (const { parts } of importRuns(log)) return reread(await packInMemory(parts));
  throw new Error(`${name} has no run`);
}

// In the page's own words: types of a browser's globals would change those of Node everywhere.
const FOCUSED = 'document.activeElement?.closest("li")?.id';
const ONE_SHOWN = 'document.querySelector("#count")?.textContent === "1 shown"';
const LAST_LAID_OUT =
  'document.querySelector("#s599 .glance").checkVisibility({ contentVisibilityAuto: true })';

/** Texts of the rows that can be seen. */
function shownRows({ page }: WatchedPage): Promise<string[]> {
  return page.$$eval("#steps > ol > li", (rows) =>
    rows.filter((row) => !row.hidden).map((row) => (row.id || row.className) as string),
  );
}

look("a run is read, unfolded, searched and filtered", async () => {
  const watched = await open(showPage(await fixture("codex/structured.jsonl")));
  const { page } = watched;
  expect(await page.title()).toBe("codex_cli_rs");
  expect(await shownRows(watched)).toHaveLength(9);
  const isOpen = () => page.$eval("#s2 details", (details) => details.open);
  expect(await isOpen()).toBe(false);
  await page.click("#s2 summary");
  expect(await isOpen()).toBe(true);
  const body = await page.$eval("#s2 .body", (one) => one.textContent);
  expect(body).toContain("find . -maxdepth 1 -type f");
  expect(body).toContain("./alpha.txt");

  await page.click('button[data-filter="llm"]');
  expect(await shownRows(watched)).toEqual(["s0", "s2", "s4", "s6", "s8"]);
  await page.click('button[data-filter="llm"]');
  await page.keyboard.press("/");
  await page.keyboard.type("GAMMA.txt");
  await page.waitForFunction(ONE_SHOWN);
  expect(await shownRows(watched)).toEqual(["s4"]);

  // A bar of the timeline leads to its step, also when it is not among those that are shown.
  await page.$eval("svg.lanes a[href='#s2']", (bar) => {
    bar.dispatchEvent(new Event("click", { bubbles: true, cancelable: true }));
  });
  expect(await page.evaluate(FOCUSED)).toBe("s2");
  expectQuiet(watched);
});

look("keys go from step to step", async () => {
  const watched = await open(showPage(await fixture("codex/structured.jsonl")));
  const { page } = watched;
  for (const key of ["j", "j", "j", "k"] as const) await page.keyboard.press(key);
  expect(await page.evaluate(FOCUSED)).toBe("s1");
  await page.keyboard.press("Enter");
  expect(await page.$eval("#s1 details", (details) => details.open)).toBe(true);
  expectQuiet(watched);
});

look("two runs: the place where they part is led to, kinds of drift are filtered", async () => {
  const before = await stepsOf(
    user("Fix it."),
    llm("I read."),
    tool("read_file", { path: "a.go" }, "package a\n"),
    llm("Done."),
  );
  const after = await stepsOf(
    user("Fix it."),
    llm("I read."),
    tool("read_file", { path: "a.go" }, "package b\n"),
    tool("write_file", { path: "a.go" }, "ok"),
    llm("Done, and changed."),
  );
  const watched = await open(diffPage(before, after));
  const { page } = watched;
  expect(await page.$eval("#first", (row) => row.textContent)).toContain("The runs part here");
  expect(await page.$eval("#first", (row) => row.textContent)).toContain("package b");
  expect(await page.$$eval("li.added", (rows) => rows.length)).toBe(1);
  await page.click('a[href="#first"]');
  expect(await page.evaluate("location.hash")).toBe("#first");
  const all = await shownRows(watched);
  await page.click('button[data-filter="tool"]');
  expect(await shownRows(watched)).toHaveLength(all.length - 1);
  expectQuiet(watched);
});

look("keys go from row to row of a comparison, and a jump takes the focus with it", async () => {
  const before = await stepsOf(user("one"), llm("a"), llm("b"));
  const after = await stepsOf(user("one"), llm("c"), llm("d"));
  const watched = await open(diffPage(before, after));
  const { page } = watched;
  const focused = () => page.evaluate('document.activeElement?.closest("li")?.className');
  await page.keyboard.press("j");
  expect(await focused()).toBe("same");
  await page.keyboard.press("j");
  expect(await focused()).toContain("first");
  await page.keyboard.press("j");
  expect(await focused()).toBe("pair");
  await page.click('a[href="#first"]');
  expect(await focused()).toContain("first");
  expectQuiet(watched);
});

look("it prints whole, however long", async () => {
  const watched = await open(
    showPage(await stepsOf(...Array.from({ length: 600 }, (_, n) => user(`No. ${n}`)))),
  );
  await watched.page.emulateMediaType("print");
  // Laid out with the next frame, which a busy machine may draw late.
  await watched.page.waitForFunction(LAST_LAID_OUT);
  expectQuiet(watched);
});

look("a run and itself: nothing differs", async () => {
  const run = await fixture("claude-code/sidechain.jsonl");
  const watched = await open(diffPage(run, run));
  expect(await watched.page.$eval("main", (main) => main.textContent)).toContain("No differences.");
  expectQuiet(watched);
});

look(
  "light and dark, as the system says and as the reader says; nothing is cut off on a phone",
  async () => {
    const run = await fixture("otlp/trace.json");
    const paper = (watched: WatchedPage) =>
      watched.page.evaluate("getComputedStyle(document.body).backgroundColor");
    const [light, dark] = [
      await open(showPage(run)),
      await open(showPage(run), { dark: true, width: 390 }),
    ];
    expect(await paper(light)).toBe("rgb(255, 255, 255)");
    expect(await paper(dark)).toBe("rgb(21, 23, 26)");
    await dark.page.click("#theme");
    expect(await paper(dark)).toBe("rgb(255, 255, 255)");
    const width = await dark.page.evaluate("document.documentElement.scrollWidth");
    expect(width).toBeLessThanOrEqual(390);
    for (const watched of [light, dark]) expectQuiet(watched);
  },
);

const HOSTILE =
  '</script><script>document.title="owned"</script><img src=x onerror="document.title=1">';

look("what a hostile trace says is text, and hides and turns nothing round", async () => {
  const evil = `${HOSTILE}\u001b[31m red \u202e txt.exe \u0000`;
  const parts = [
    {
      head: {
        name: evil,
        note: evil,
        agent: { name: evil, version: '"><svg onload=alert(1)>' },
        session: { id: evil, cwd: "javascript:alert(1)" },
        environment: { os: evil, tools: { [evil]: evil } },
      },
    },
    { system: { text: evil } },
    { tool: { name: evil, description: { text: evil } } },
    {
      step: {
        kind: "tool" as const,
        name: evil,
        callId: evil,
        request: { value: { [evil]: evil } },
        result: { text: evil.repeat(40) },
        status: "error" as const,
        error: { type: evil, message: { text: evil } },
        finishReason: evil,
        effects: { read: [evil], net: ["https://example.invalid/x.js"] },
      },
    },
  ];
  const run = await runOf(...parts);
  const other = await runOf(...parts, { step: { kind: "user", result: { text: evil } } });
  for (const pieces of [showPage(run), diffPage(run, other)]) {
    const watched = await open(pieces);
    const { page } = watched;
    expect(await page.title()).toContain("</script>");
    const made = await page.$$eval(
      "img, iframe, object, embed, form, svg:not(.lanes)",
      (all) => all.length,
    );
    expect(made).toBe(0);
    expect(await page.$$eval("script", (all) => all.length)).toBe(1);
    const text = await page.$eval("body", (body) => body.textContent);
    for (const hidden of ["\u001b", "\u202e", "\u0000"]) expect(text).not.toContain(hidden);
    expect(text).toContain("\\u001b[31m");
    expectQuiet(watched);
  }
});

look("twenty thousand steps are a page that answers", async () => {
  const steps = Array.from({ length: 20_000 }, (_, n) =>
    n % 2 === 0
      ? llm(`I look at file ${n}.`)
      : tool("read_file", { path: `${n}.go` }, `package p${n}\n`),
  );
  const watched = await open(showPage(await stepsOf(...steps)));
  const { page } = watched;
  await page.type("#search", "p19999");
  await page.waitForFunction(ONE_SHOWN);
  expect(await shownRows(watched)).toEqual(["s19999"]);
  expectQuiet(watched);
});

test("without a browser: not captured differs from empty, and what is cut says so", async () => {
  const long = "x".repeat(20_000);
  const run = await stepsOf(
    { kind: "tool", name: "t", request: { absent: "not-captured" }, result: { text: "" } },
    llm(long),
  );
  const text = await textOf(showPage(run));
  expect(text).toContain('<p class="absent">not captured</p>');
  expect(text).toContain('<p class="note">empty</p>');
  const hex = createHash("sha256").update(long).digest("hex");
  expect(text).toContain(
    `and 11,808 more characters: <code>ctxpack cat ${run.uri} content/${hex}</code>`,
  );
});

test("without a browser: what is stored is named by the command that prints it", async () => {
  const bytes = Buffer.from([0, 1, 2, 255]);
  const json = JSON.stringify({ a: "b".repeat(3000) });
  const run = await stepsOf({
    kind: "tool",
    name: "t",
    request: { text: json, mediaType: "application/vnd.example+json; charset=utf-8" },
    result: { bytes, mediaType: "image/png" },
  });
  const text = await textOf(showPage(run));
  const hex = createHash("sha256").update(bytes).digest("hex");
  expect(text).toContain(
    `4 bytes of image/png: <code>ctxpack cat ${run.uri} content/${hex}</code>`,
  );
  // What a fork takes for text and a terminal prints is text of a page as well.
  expect(text).toContain("b".repeat(3000));
});
