// TypeScript and JavaScript of documents as files of a project that has our packages: to be compiled, and run.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Block, type MarkdownDocument, root } from "./document.ts";

export interface Programs {
  readonly folder: string;
}

/** Writes the programs of all documents into a folder. Needs a build: the packages are used as npm would install them. */
export function writePrograms(folder: string, documents: readonly MarkdownDocument[]): Programs {
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "@ctxpack"), { recursive: true });
  for (const name of readdirSync(join(root, "packages"))) {
    symlinkSync(join(root, "packages", name), join(modules, "@ctxpack", name));
  }
  // Of the AI SDK, which a document wraps.
  symlinkSync(join(root, "examples/node_modules/ai"), join(modules, "ai"));
  mkdirSync(join(folder, "programs"));
  const programs = { folder };
  for (const document of documents) {
    for (const block of document.blocks.filter(isProgram)) {
      writeFileSync(programFile(programs, document, block), programText(document, block));
    }
  }
  return programs;
}

export function programFile(
  { folder }: Programs,
  { path }: MarkdownDocument,
  { language, line }: Block,
): string {
  return join(folder, "programs", `${path.replaceAll("/", "+")}+${line}.m${language}`);
}

function isProgram({ language }: Block): boolean {
  return language === "ts" || language === "js";
}

/** Lines keep their numbers, so that what a compiler or Node.js says of the program holds for the document. */
function programText({ text }: MarkdownDocument, { before, code, line }: Block): string {
  const lines = text.split("\n").map(() => "");
  for (const part of [before, { code, line }]) {
    for (const [i, one] of (part?.code.split("\n") ?? []).entries()) {
      lines[(part as { line: number }).line - 1 + i] = one;
    }
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

/** What the compiler says of them; nothing when they are right. */
export function compilePrograms({ folder }: Programs): string {
  const compilerOptions = {
    module: "nodenext",
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")],
    strict: true,
    checkJs: true,
    noImplicitAny: false,
    skipLibCheck: true,
    noEmit: true,
  };
  const config = join(folder, "tsconfig.json");
  writeFileSync(config, JSON.stringify({ compilerOptions, include: ["programs"] }));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const done = spawnSync(process.execPath, [tsc, "-p", config], { cwd: folder, encoding: "utf8" });
  return done.stdout + done.stderr;
}
