import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { QUESTIONS } from "../questions.ts";
import { readRun } from "../run-file.ts";
import { sectionsOf } from "./merge.ts";
import { page, unexplained } from "./page.ts";
import { PICTURES, picturesOf } from "./pictures.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** `bench report RUN.json…`: writes BENCHMARKS.md and its pictures into a folder, the root of the repository unless told. */
export async function reportCommand(files: readonly string[], to: string = ROOT): Promise<number> {
  if (files.length === 0) {
    console.error("usage: bench report RUN.json… [--to FOLDER]");
    return 2;
  }
  const sections = sectionsOf(
    files.map(readRun),
    QUESTIONS.map(({ name }) => name),
  );
  const pictures = (await Promise.all(sections.map(picturesOf))).flat();
  // Pictures of questions that are gone would stay.
  rmSync(join(to, PICTURES), { recursive: true, force: true });
  for (const { file, svg } of pictures) write(join(to, file), svg);
  write(join(to, "BENCHMARKS.md"), page({ sections, questions: QUESTIONS, pictures }));
  for (const { answer, peer } of unexplained(sections, QUESTIONS)) {
    console.error(
      `no reason is written down why ${peer.name} wins: ${answer.question}: ${answer.title}`,
    );
  }
  console.log(
    `${join(to, "BENCHMARKS.md")}: ${sections.length} questions, ${pictures.length} pictures`,
  );
  return 0;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
