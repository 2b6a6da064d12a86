import type { JsonValue } from "@ctxpack/identity";
import type { RunPart } from "../run/draft.ts";
import { relativeTo } from "../run/file-name.ts";
import { isObject } from "../source/log.ts";

/** What all remembered contents may take, in UTF-16 code units; files beyond it are named only. */
const MAX_KEPT: number = 64 * 1024 * 1024;
const MAX_FILES = 10_000;

interface Tracked {
  /** Undefined when it is not known. */
  content: string | undefined;
  producedBy: number;
}

type Members = { readonly [key: string]: JsonValue };

/**
 * Follows what Claude Code's file tools did, to tell which files went in and what the others hold at the end: a file
 * that was read whole before anything wrote it is an input, one that was written is an output.
 */
export class FileTracker {
  cwd: string | undefined;
  readonly #inputs = new Map<string, string>();
  readonly #outputs = new Map<string, Tracked>();
  #kept = 0;

  /** A call came back without an error. `structured` is the log's own account of the result. */
  done(name: string, input: JsonValue, structured: JsonValue | undefined, seq: number): void {
    if (!isObject(input)) return;
    const result = isObject(structured) ? structured : {};
    if (name === "Read") this.#read(result);
    else if (name === "Write") this.#write(input["file_path"], text(input["content"]), seq);
    else if (name === "Edit" || name === "MultiEdit") this.#edit(input, result, seq);
    else if (name === "NotebookEdit") this.#write(input["notebook_path"], undefined, seq);
  }

  /** Inputs and outputs. */
  *parts(): Generator<RunPart> {
    for (const [name, content] of this.#inputs)
      yield { input: { name, content: { text: content } } };
    for (const [name, { content, producedBy }] of this.#outputs) {
      const held = content === undefined ? undefined : { text: content };
      yield { output: { name, content: held, producedBy } };
    }
  }

  #read(result: Members): void {
    const file = result["file"];
    if (!isObject(file)) return;
    const { filePath, content, startLine, numLines, totalLines } = file;
    if (typeof filePath !== "string" || typeof content !== "string") return;
    if (startLine !== 1 || numLines !== totalLines) return;
    const name = relativeTo(filePath, this.cwd);
    if (this.#outputs.has(name) || this.#inputs.has(name) || !this.#has(content)) return;
    this.#inputs.set(name, content);
  }

  #write(path: JsonValue | undefined, content: string | undefined, seq: number): void {
    if (typeof path !== "string" || this.#outputs.size >= MAX_FILES) return;
    const name = relativeTo(path, this.cwd);
    const kept = content !== undefined && this.#has(content) ? content : undefined;
    // The map keeps the order of first writes; the last one counts.
    this.#outputs.set(name, { content: kept, producedBy: seq });
  }

  #edit(input: Members, result: Members, seq: number): void {
    const path = input["file_path"];
    if (typeof path !== "string") return;
    const name = relativeTo(path, this.cwd);
    let content =
      text(result["originalFile"]) ?? this.#outputs.get(name)?.content ?? this.#inputs.get(name);
    const edits = Array.isArray(input["edits"])
      ? (input["edits"] as readonly JsonValue[])
      : [input];
    for (const edit of edits) {
      content = content === undefined || !isObject(edit) ? undefined : applyEdit(content, edit);
    }
    this.#write(path, content, seq);
  }

  #has(content: string): boolean {
    if (this.#kept + content.length > MAX_KEPT) return false;
    this.#kept += content.length;
    return true;
  }
}

/** The text after one replacement; undefined when it does not fit, for then the text was not what we think. */
function applyEdit(content: string, edit: Members): string | undefined {
  const from = text(edit["old_string"]);
  const to = text(edit["new_string"]);
  if (from === undefined || to === undefined) return undefined;
  if (from === "") return content === "" ? to : undefined;
  if (!content.includes(from)) return undefined;
  return edit["replace_all"] === true
    ? content.replaceAll(from, () => to)
    : content.replace(from, () => to);
}

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
