// Programs that others have written, as they are: pdftotext, pdftoppm and tesseract through `ctxpack run`. What is not
// installed is skipped, and said:
//   node examples/documents/documents.ts
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pdfOf } from "../rag-index/pdf.ts";
import { environment, expectThat, inWorkplace } from "../workplace.ts";

const { resolve } = createRequire(import.meta.url);
const ctxpack = join(dirname(resolve("@ctxpack/cli/package.json")), "bin/ctxpack.cjs");

/** The version that a program says it has: part of every contract here. */
function versionOf(program: string, flag: string): string | undefined {
  const { error, stdout, stderr } = spawnSync(program, [flag], { encoding: "utf8" });
  return error ? undefined : /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0];
}

/** `ctxpack run`; whether the command ran. */
function run(cwd: string, flags: readonly string[], command: readonly string[]): boolean {
  const shown = ["run", ...flags, "--", ...command];
  console.log(`$ ctxpack ${shown.join(" ")}`);
  const { status, stderr } = spawnSync(process.execPath, [ctxpack, ...shown], {
    cwd,
    encoding: "utf8",
    env: { ...environment(), CTXPACK_CACHE_DIR: join(cwd, "store") },
  });
  process.stdout.write(stderr);
  if (status !== 0) throw new Error(`exit code ${status}`);
  return stderr.startsWith("miss");
}

/** Runs a step twice: it computes, and then it does not. */
function step(
  cwd: string,
  out: string,
  flags: readonly string[],
  command: readonly string[],
): void {
  const all = [...flags, "--out", out];
  expectThat(run(cwd, all, command), `${command[0]} ran`);
  const made = readFileSync(join(cwd, out));
  rmSync(join(cwd, out));
  expectThat(!run(cwd, all, command), "the second time it did not");
  expectThat(readFileSync(join(cwd, out)).equals(made), `${out} is the same`);
}

await inWorkplace(async (cwd) => {
  const text = "The key is at the front desk";
  writeFileSync(join(cwd, "note.pdf"), pdfOf([text], 24));
  const node = process.versions.node;
  const count = 'const fs = require("node:fs"); const [from, to] = process.argv.slice(1);';
  const program = `${count} fs.writeFileSync(to, String(fs.statSync(from).size))`;
  step(
    cwd,
    "size.txt",
    ["--in", "note.pdf", "--tool", `node@${node}`],
    ["node", "-e", program, "{in}", "{out}"],
  );

  const poppler = versionOf("pdftotext", "-v");
  if (poppler === undefined) {
    console.log("SKIPPED: pdftotext is not installed (Debian: poppler-utils)");
    return;
  }
  step(
    cwd,
    "note.txt",
    ["--in", "note.pdf", "--tool", `pdftotext@${poppler}`],
    ["pdftotext", "{in}", "{out}"],
  );
  expectThat(readFileSync(join(cwd, "note.txt"), "utf8").includes(text), "pdftotext read the text");

  const tesseract = versionOf("tesseract", "--version");
  if (tesseract === undefined) {
    console.log("SKIPPED: tesseract is not installed (Debian: tesseract-ocr)");
    return;
  }
  // A program that adds the ending itself is told the name without it.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: of the shell
  const draw = 'pdftoppm -r 200 -png -singlefile "$0" "${1%.png}"';
  step(
    cwd,
    "note.png",
    ["--in", "note.pdf", "--tool", `pdftoppm@${poppler}`, "--param", "dpi=200"],
    ["sh", "-c", draw, "{in}", "{out}"],
  );
  // biome-ignore lint/suspicious/noTemplateCurlyInString: of the shell
  const see = 'tesseract "$0" "${1%.txt}"';
  step(
    cwd,
    "seen.txt",
    ["--in", "note.png", "--tool", `tesseract@${tesseract}`],
    ["sh", "-c", see, "{in}", "{out}"],
  );
  expectThat(
    /front desk/.test(readFileSync(join(cwd, "seen.txt"), "utf8")),
    "tesseract read the picture",
  );
});
