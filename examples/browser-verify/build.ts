// Makes the page: one HTML file that needs nothing else. `node examples/browser-verify/build.ts [FILE]`
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

/** The page as text. */
export async function page(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "page.js")],
    bundle: true,
    minify: true,
    write: false,
    platform: "browser",
    format: "esm",
    target: "es2024",
    charset: "utf8",
    // A script of a page ends where this stands, also in a string.
    supported: { "inline-script": false },
  });
  const script = outputFiles[0]?.text ?? "";
  const frame = readFileSync(join(import.meta.dirname, "page.html"), "utf8");
  return frame.replace("/*SCRIPT*/", () => script);
}

if (import.meta.main) {
  const file = process.argv[2] ?? "browser-verify.html";
  writeFileSync(file, await page());
  console.log(file);
}
