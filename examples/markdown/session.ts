// A document as a reader would go through it: all of its blocks in order, in one shell and one folder of their own.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { missingProgram } from "@ctxpack/test-tools";
import type { Block, MarkdownDocument } from "./document.ts";
import { environmentOf, makeHome } from "./home.ts";
import { type Programs, programFile } from "./programs.ts";
import { comparable, transcript } from "./transcript.ts";

/** What becomes of a block: run, held against something without being run, or not even that. */
export type Fate =
  | {
      readonly kind:
        | "run"
        | "run by another test"
        | "data"
        | "only checked"
        | "needs a cloud account"
        | "text";
    }
  | { readonly kind: "skipped"; readonly missing: string };

const RUN: ReadonlySet<string> = new Set(["sh", "console", "ts", "js"]);
const READ: ReadonlySet<string> = new Set(["json", "yaml"]);
/** Diagrams and samples of what something prints. */
const TEXT: ReadonlySet<string> = new Set(["", "text"]);

/** Throws for a language that nobody here knows what to do with. */
export function fateOf({ code, language, needs, onlyChecked, runBy }: Block): Fate {
  if (TEXT.has(language)) return { kind: "text" };
  if (READ.has(language)) return { kind: "data" };
  if (!RUN.has(language)) throw new Error(`\`\`\`${language}: no test knows what that is`);
  if (needs.includes("cloud account")) return { kind: "needs a cloud account" };
  if (runBy !== undefined) return { kind: "run by another test" };
  // Our own scripts run these tests.
  if (onlyChecked !== undefined || /\bpnpm\b/.test(code)) return { kind: "only checked" };
  const missing = needs.find((program) => missingProgram(program));
  return missing === undefined ? { kind: "run" } : { kind: "skipped", missing };
}

export const REGISTRY = "localhost:5000";

/** Whether what is run of a document asks a registry. */
export function asksRegistry({ blocks }: MarkdownDocument): boolean {
  return blocks.some(
    (block) =>
      fateOf(block).kind === "run" && `${block.before?.code}${block.code}`.includes(REGISTRY),
  );
}

/** One thing that the shell does, and how it is told when it goes wrong. */
interface Part {
  readonly where: string;
  readonly script: string;
  /** What it has to print; where that is not said it has to succeed. */
  readonly printed?: string;
}

function partsOf(document: MarkdownDocument, programs: Programs): Part[] {
  return document.blocks
    .filter((block) => fateOf(block).kind === "run")
    .flatMap((block) => {
      const { before, code, language, line } = block;
      const where = `${document.path}:${line}`;
      if (language === "ts" || language === "js") {
        return [{ where, script: `node '${programFile(programs, document, block)}'` }];
      }
      const hidden = before
        ? [{ where: `${document.path}:${before.line}`, script: before.code }]
        : [];
      if (language === "sh") return [...hidden, { where, script: code }];
      const steps = transcript(code).map(({ command, printed }) => ({
        where: `${where}: ${command}`,
        script: command,
        printed,
      }));
      return [...hidden, ...steps];
    });
}

/** Throws what went wrong first: a block that failed, or another output than the document says. */
export function runSession(
  document: MarkdownDocument,
  programs: Programs,
  registry: string | undefined,
): void {
  const put = (text: string) => (registry ? text.replaceAll(REGISTRY, registry) : text);
  const parts = partsOf(document, programs);
  if (parts.length === 0) return;
  const home = join(programs.folder, "homes", document.path.replaceAll("/", "+"));
  makeHome(home);
  // One shell for all, so that `export` lasts; a line after each part tells their outputs apart, and that it succeeded.
  const script = parts.map(
    (part) =>
      `${part.printed === undefined ? "set -e" : "set +e"}\n${put(part.script)}\necho '=== end'`,
  );
  const shell = spawnSync("sh", ["-c", `exec 2>&1 </dev/null\n${script.join("\n")}`], {
    cwd: join(home, "work"),
    encoding: "utf8",
    timeout: 40_000,
    env: environmentOf(home),
  });
  const outputs = shell.stdout.split("=== end\n");
  for (const [index, { where, printed }] of parts.entries()) {
    const output = (outputs[index] ?? "")
      .replaceAll(join(home, "work"), "/home/me/work")
      .replaceAll(home, "/home/me");
    if (index >= outputs.length - 1) throw new Error(`${where} failed:\n${output}${shell.stderr}`);
    if (printed === undefined) continue;
    const [found, said] = [comparable(output), comparable(put(printed))];
    if (found !== said) throw new Error(`${where}\nprints:\n${found}\nand not:\n${said}`);
  }
}
