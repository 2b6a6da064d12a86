import { pointerSteps } from "@ctxpack/identity";
import type { RunFileRef } from "../run/head.ts";
import type { Step } from "../run/step.ts";
import type { DriftDraft } from "./draft.ts";
import type { DriftCause, DriftEntry } from "./entry.ts";

/** What an entry is about, in both runs. */
export interface DriftSubject {
  readonly a?: Step | undefined;
  readonly b?: Step | undefined;
  readonly files?: readonly (RunFileRef | undefined)[];
}

type Why = Extract<DriftCause, { readonly entry: number }>["why"];

const INDEPENDENT: DriftCause = { why: "independent" };

/**
 * Explains entries by earlier ones. It is told of every entry in order, and knows of each whether a model saw it, which
 * tool, file or step it is about. An explanation says what could have led to what: that it did, nobody recorded.
 */
export class Causes {
  /** Entry by entry the one where it began. */
  readonly #roots: number[] = [0];
  readonly #tools = new Map<string, number>();
  readonly #files = new Map<string, number>();
  readonly #steps = { a: new Map<number, number>(), b: new Map<number, number>() };
  #seen: number | undefined;
  #model: number | undefined;
  #environment: number | undefined;
  #step: number | undefined;

  /** Why a draft is what it is, before it gets its number. */
  explain(draft: DriftDraft, subject: DriftSubject): DriftCause {
    switch (draft.type) {
      case "output_drift":
        return this.#ofFile(subject);
      case "tool_drift":
      case "param_drift":
        return draft.steps ? this.#ofChoice() : INDEPENDENT;
      case "reasoning_drift":
      case "error_drift":
        return draft.kind === "llm" ? this.#ofChoice() : this.#ofResult(draft, subject);
      case "prompt_drift":
        // What the user says is his own; what a history is replaced by follows from it.
        return draft.kind === "compaction" ? this.#ofChoice() : INDEPENDENT;
      default:
        return INDEPENDENT;
    }
  }

  /** Takes an entry into account for those after it. */
  note(entry: DriftEntry, subject: DriftSubject): void {
    const { id, type, cause } = entry;
    this.#roots[id] = "root" in cause ? cause.root : id;
    if (entry.steps) this.#noteStep(entry, subject);
    else if (type === "prompt_drift") this.#seen ??= id;
    else if (type === "model_drift") this.#model ??= id;
    else if (type === "tool_drift") {
      this.#seen ??= id;
      this.#noteTool(entry);
    } else if (type === "environment_drift") {
      this.#environment ??= id;
      if (entry.path.startsWith("/environment/tools/")) this.#noteTool(entry);
    } else if (type === "input_drift") {
      for (const file of subject.files ?? []) if (file) this.#files.set(file.name, id);
    }
  }

  #noteTool({ id, path }: DriftEntry): void {
    for (const name of pointerSteps(path).slice(1)) {
      if (!this.#tools.has(name)) this.#tools.set(name, id);
    }
  }

  #noteStep({ id, type }: DriftEntry, { a, b }: DriftSubject): void {
    if (type === "model_drift") this.#model ??= id;
    else this.#seen ??= id;
    this.#step ??= id;
    for (const [side, step] of [
      ["a", a],
      ["b", b],
    ] as const) {
      if (step === undefined) continue;
      if (!this.#steps[side].has(step.seq)) this.#steps[side].set(step.seq, id);
      for (const path of step.effects?.write ?? []) {
        if (!this.#files.has(path)) this.#files.set(path, id);
      }
    }
  }

  /** What a model chose: it follows from what the model saw, or from which model it is. */
  #ofChoice(): DriftCause {
    const [seen, model] = [this.#seen, this.#model];
    if (seen !== undefined && (model === undefined || seen < model)) return this.#by(seen, "seen");
    return this.#by(model, "model");
  }

  /** What a tool answered. */
  #ofResult(draft: DriftDraft, subject: DriftSubject): DriftCause {
    const { a, b } = subject;
    const same = b && this.#steps.b.get(b.seq);
    if (same !== undefined) return this.#by(same, "arguments");
    const tool = draft.name === undefined ? undefined : this.#tools.get(draft.name);
    if (tool !== undefined) return this.#by(tool, "tool");
    for (const path of [...(a?.effects?.read ?? []), ...(b?.effects?.read ?? [])]) {
      const file = this.#files.get(path);
      if (file !== undefined) return this.#by(file, "read");
    }
    if (this.#environment !== undefined) return this.#by(this.#environment, "environment");
    // A sub-agent and a shell see more than a recording tells.
    if (this.#step !== undefined) return this.#by(this.#step, "before");
    return INDEPENDENT;
  }

  #ofFile({ files = [] }: DriftSubject): DriftCause {
    const [a, b] = files;
    const step =
      (b?.producedBy === undefined ? undefined : this.#steps.b.get(b.producedBy)) ??
      (a?.producedBy === undefined ? undefined : this.#steps.a.get(a.producedBy));
    if (step !== undefined) return this.#by(step, "written");
    for (const file of files) {
      const written = file && this.#files.get(file.name);
      if (written !== undefined) return this.#by(written, "written");
    }
    return this.#by(this.#step, "before");
  }

  #by(entry: number | undefined, why: Why): DriftCause {
    if (entry === undefined) return INDEPENDENT;
    return { entry, root: this.#roots[entry] ?? entry, why };
  }
}
