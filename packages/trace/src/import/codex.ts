import type { RunPart } from "../run/draft.ts";
import { Fields } from "../source/fields.ts";
import { isObject, type LogSource } from "../source/log.ts";
import { CodexSession } from "./codex-session.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";

/**
 * Codex's rollout: JSON lines `{timestamp, type, payload}`. Early versions wrote the head and the items bare; those
 * are read as well.
 */
export async function* importCodex(log: LogSource): AsyncGenerator<ImportedRun> {
  yield { key: "", format: "codex", parts: readRollout(log) };
}

async function* readRollout(log: LogSource): AsyncGenerator<RunPart> {
  const notes = new LossNotes();
  const session = new CodexSession(notes.note);
  for await (const { value, line, duplicates } of log.lines()) {
    notes.noteSkipped(log);
    notes.line = line;
    if (!isObject(value)) {
      log.malformed(line, "a value that is no object");
      continue;
    }
    for (const key of duplicates) notes.note(`$..${key}`, "duplicate");
    const fields = new Fields(value, "$", notes.note);
    session.read(fields, line);
    fields.close();
    yield* session.take();
  }
  yield* session.finish();
  notes.noteSkipped(log);
  yield { head: { source: { format: "codex", ...log.facts } } };
  yield* notes.parts();
}
