import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBrowser, TestBrowser } from "@ctxpack/test-tools";
import { afterAll, beforeAll, expect, test } from "vitest";
import { page } from "./build.ts";
import { verify } from "./verify.ts";

const program = join(import.meta.dirname, "../../packages/cli/bin/ctxpack.cjs");
let folder: string;
/** The resolved contract, and every blob of a pack in a pantry. */
let blobs: string[];
let manifest: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ctxpack-browser-"));
  mkdirSync(join(folder, "out"));
  writeFileSync(join(folder, "out/a.txt"), "a");
  writeFileSync(
    join(folder, "contract.yaml"),
    'inputs:\n  - {name: note, value: {any: "json"}}\ntransforms:\n  - {tool: t, params: {size: 1.0}}\n',
  );
  const uri = ctxpack("seed", "out", "--contract", "contract.yaml");
  ctxpack("push", uri, "--to", "oci:pantry");
  writeFileSync(join(folder, "resolved.json"), ctxpack("id", "contract.yaml", "--explain"));
  const at = join(folder, "pantry/blobs/sha256");
  blobs = readdirSync(at).map((name) => join(at, name));
  manifest = blobs.find((path) => readFileSync(path, "utf8").includes('"artifactType"')) as string;
});
afterAll(() => {
  spawnSync("chmod", ["-R", "u+rwX", folder]);
  rmSync(folder, { recursive: true, force: true });
});

function ctxpack(...args: readonly string[]): string {
  const env = { ...process.env, HOME: folder, CTXPACK_CACHE_DIR: join(folder, "store") };
  const done = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  expect(done.status, done.stderr).toBe(0);
  return done.stdout.trim();
}

const given = (path: string) => ({ name: path, bytes: new Uint8Array(readFileSync(path)) });

test("the reader says the same as ctxpack, of the contract as written and as hashed", async () => {
  const uri = ctxpack("id", "contract.yaml");
  for (const contract of ["contract.yaml", "resolved.json"]) {
    const report = await verify([given(join(folder, contract)), given(manifest)]);
    expect(report).toMatchObject({ verdict: "verified", uri });
  }
  const whole = await verify([given(join(folder, "contract.yaml")), ...blobs.map(given)]);
  expect(whole.checks.filter(({ state }) => state !== "ok")).toEqual([]);
});

test("it finds what was changed", async () => {
  const contract = given(join(folder, "contract.yaml"));
  const text = readFileSync(manifest, "utf8");
  const changed = (from: string | RegExp, to: string) => {
    expect(text.replace(from, to)).not.toBe(text);
    return { name: "m", bytes: new TextEncoder().encode(text.replace(from, to)) };
  };
  const cases = [
    changed(/"config":\{"digest":"sha256:../, '"config":{"digest":"sha256:ff'),
    changed("pack.v1", "pack.v2"),
    changed('"layers"', ' "layers"'),
    changed("0001.tar.zst", "0002.tar.zst"),
    changed(/"dev.ctxpack.tree":"sha256:/, '"dev.ctxpack.tree":"md5:'),
  ];
  for (const one of cases) expect((await verify([contract, one])).verdict).toBe("wrong");
  const other = { name: "c", bytes: new TextEncoder().encode('{"transforms":[{"tool":"u"}]}') };
  expect((await verify([other, given(manifest)])).verdict).toBe("wrong");
  expect((await verify([contract])).verdict).toBe("incomplete");
  const paths = '{"inputs":[{"name":"i","path":"x"}],"transforms":[{"tool":"u"}]}';
  const written = { name: "p", bytes: new TextEncoder().encode(paths) };
  expect((await verify([written, given(manifest)])).verdict).toBe("incomplete");
});

const isMissing = findBrowser() === undefined;
if (isMissing) console.log("SKIPPED browser-verify in a browser: chromium is missing");

test.skipIf(isMissing)("in a browser: files are given, and the verdict is read", async () => {
  const file = join(folder, "page.html");
  writeFileSync(file, await page());
  await using browser = await TestBrowser.start();
  const watched = await browser.open(file);
  const input = await watched.page.$("input#files");
  await input?.uploadFile(join(folder, "contract.yaml"), ...blobs);
  const verdict = () => watched.page.$eval("#verdict", (one) => one.textContent);
  await watched.page.waitForSelector("#result:not([hidden])");
  expect(await verdict()).toBe("Verified");
  expect(await watched.page.$eval("#uri", (one) => one.textContent)).toBe(
    ctxpack("id", "contract.yaml"),
  );
  await watched.page.click("#again");
  writeFileSync(
    join(folder, "other.json"),
    '{"transforms":[{"tool":"<img src=x onerror=alert(1)>"}]}',
  );
  await input?.uploadFile(join(folder, "other.json"), manifest);
  await watched.page.waitForFunction('document.querySelector("#verdict").textContent === "Wrong"');
  expect({ said: watched.console, requests: watched.requests }).toEqual({ said: [], requests: [] });
});
