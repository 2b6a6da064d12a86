import { spawnSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { type Browser, launch, type Page } from "puppeteer-core";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome"];

/** Debian's chromium, or another one; `undefined` where there is none. */
export function findBrowser(): string | undefined {
  return PROGRAMS.find((program) => spawnSync(program, ["--version"]).status === 0);
}

/** A page that is looked at, and what it did that it should not have. */
export interface WatchedPage {
  readonly page: Page;
  /** What it wrote to the console, and errors that nobody caught. */
  readonly console: readonly string[];
  /** What it asked for beside itself. */
  readonly requests: readonly string[];
}

/** A browser without a window. Whoever started it closes it. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** Throws an `Error` where there is no browser: ask `findBrowser` before. */
  static async start(): Promise<TestBrowser> {
    const program = findBrowser();
    if (program === undefined) throw new Error("no chromium");
    const which = spawnSync("which", [program], { encoding: "utf8" }).stdout.trim();
    // As root, as in CI, it starts without its sandbox only; the pages are ours.
    const args = ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"];
    return new TestBrowser(await launch({ executablePath: which, headless: true, args }));
  }

  /** Opens a file, or a URL. */
  async open(
    place: string,
    options: { readonly width?: number; readonly dark?: boolean } = {},
  ): Promise<WatchedPage> {
    const page = await this.#browser.newPage();
    const said: string[] = [];
    const requests: string[] = [];
    const url = place.includes("://") ? place : pathToFileURL(place).href;
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(String(error)));
    page.on("request", (request) => {
      if (request.url() !== url) requests.push(request.url());
    });
    await page.setViewport({ width: options.width ?? 1280, height: 900 });
    const value = options.dark ? "dark" : "light";
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
    await page.goto(url);
    return { page, console: said, requests };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
