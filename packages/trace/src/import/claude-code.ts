import type { JsonValue } from "@ctxpack/identity";
import type { RunPart } from "../run/draft.ts";
import { Fields } from "../source/fields.ts";
import { isObject, type LogLine, type LogSource } from "../source/log.ts";
import { abandonedLines } from "./claude-branches.ts";
import { ClaudeSession } from "./claude-session.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";

/**
 * Claude Code's session log: JSON lines, each with a `type`, most of them nodes of a tree (`uuid`, `parentUuid`).
 * Lines of branches that the user went back from are losses; everything else is read in the order it was written.
 */
export async function* importClaudeCode(log: LogSource): AsyncGenerator<ImportedRun> {
  yield { key: "", format: "claude-code", parts: readSession(log) };
}

async function* readSession(log: LogSource): AsyncGenerator<RunPart> {
  const notes = new LossNotes();
  const session = new ClaudeSession(notes.note);
  const lines: LogLine[] = [];
  for await (const line of log.lines()) {
    if (isObject(line.value)) lines.push(line);
    else log.malformed(line.line, "a value that is no object");
    notes.noteSkipped(log);
    log.keepWhole();
  }
  const abandoned = abandonedLines(lines);
  for (const { value, line, duplicates } of lines) {
    notes.line = line;
    if (abandoned.has(line)) {
      notes.note("$", "abandoned");
      continue;
    }
    for (const key of duplicates) notes.note(`$..${key}`, "duplicate");
    const fields = new Fields(value as { readonly [key: string]: JsonValue }, "$", notes.note);
    session.read(fields, line);
    fields.close();
    yield* session.take();
  }
  yield* session.finish();
  notes.noteSkipped(log);
  yield { head: { source: { format: "claude-code", ...log.facts } } };
  yield* notes.parts();
}
