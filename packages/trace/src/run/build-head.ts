import { canonicalize, compareBytewise, type JsonValue } from "@ctxpack/identity";
import type { Redactor } from "../redact/redactor.ts";
import { defined, emptyAsMissing, word } from "./build-step.ts";
import type { Content } from "./content.ts";
import type { ContentDraft, FileDraft, HeadDraft, ToolDraft } from "./draft.ts";
import { Extras } from "./extras.ts";
import { isSafeName, safeName } from "./file-name.ts";
import {
  RUN_SCHEMA,
  type RunAgent,
  type RunEnvironment,
  type RunFileRef,
  type RunHead,
  type RunParent,
  type RunSession,
  type RunSource,
  type RunTool,
} from "./head.ts";
import type { LossLedger } from "./losses.ts";
import type { Models } from "./models.ts";
import type { ContentPlacer } from "./place.ts";
import type { TotalsCounter } from "./totals.ts";

/** What a head is built with. */
export interface HeadTools {
  readonly placer: ContentPlacer;
  readonly redactor: Redactor;
  readonly models: Models;
  readonly losses: LossLedger;
  readonly totals: TotalsCounter;
}

type Words = Record<string, unknown>;

interface NamedFile {
  readonly ref: RunFileRef;
  /** Its name in the log. */
  readonly source: string;
}

/** Gathers what is known about a run while its steps go by. */
export class HeadBuilder {
  readonly #tools: HeadTools;
  readonly #facts: Record<"source" | "agent" | "session" | "environment", Words> = {
    source: {},
    agent: {},
    session: {},
    environment: {},
  };
  readonly #toolList = new Map<string, RunTool>();
  readonly #system: Content[] = [];
  readonly #inputs = new Map<string, NamedFile>();
  readonly #outputs = new Map<string, NamedFile>();
  readonly #notCaptured = new Set<string>();
  #parents: readonly RunParent[] | undefined;
  #name: string | undefined;
  #note: string | undefined;
  readonly #extras = new Extras();

  constructor(tools: HeadTools) {
    this.#tools = tools;
  }

  add(draft: HeadDraft): void {
    for (const key of ["source", "agent", "session", "environment"] as const) {
      this.#merge(this.#facts[key], (draft[key] ?? {}) as Words, `$.${key}`);
    }
    this.#name = this.#first("$.name", this.#name, this.#safe(draft.name));
    const note = draft.note === undefined ? undefined : this.#tools.redactor.text(draft.note);
    this.#note = this.#first("$.note", this.#note, note);
    this.#parents ??= draft.parents;
    this.#extras.add(draft.extra);
    for (const part of draft.notCaptured ?? []) this.#notCaptured.add(part);
  }

  addSystem(draft: ContentDraft): void {
    const content = this.#tools.placer.place(draft);
    const text = canonicalize(content as unknown as JsonValue);
    const known = this.#system.some((one) => canonicalize(one as unknown as JsonValue) === text);
    if (!known) this.#system.push(content);
  }

  addTool(draft: ToolDraft): void {
    const { placer, redactor } = this.#tools;
    const tool = defined<RunTool>({
      name: word(draft.name, redactor) ?? "unnamed",
      description: draft.description && placer.place(draft.description),
      schema: draft.schema === undefined ? undefined : placer.place({ value: draft.schema }),
      version: word(draft.version, redactor),
      server: word(draft.server, redactor),
      annotations: draft.annotations === undefined ? undefined : redactor.value(draft.annotations),
    });
    this.#toolList.set(canonicalize(tool as unknown as JsonValue), tool);
  }

  addFile(draft: FileDraft, which: "input" | "output"): void {
    const { placer, redactor, losses } = this.#tools;
    const name = safeName(redactor.text(draft.name));
    if (!isSafeName(draft.name) || name !== draft.name) {
      losses.add({ path: `$.${which}s[*].name`, reason: "changed" });
    }
    const stored = draft.content && placer.store(draft.content, draft.mediaType);
    const held = stored !== undefined && "digest" in stored ? stored : undefined;
    const files = which === "input" ? this.#inputs : this.#outputs;
    // Later bytes of a file take the place of earlier ones; another file that has to have its name takes its place.
    const known = files.get(name);
    if (known !== undefined && known.source !== draft.name) {
      losses.add({ path: `$.${which}s[*]`, reason: "unmapped" });
    }
    files.set(name, {
      source: draft.name,
      ref: defined<RunFileRef>({
        name,
        digest: held?.digest,
        size: held?.size,
        mediaType: held?.mediaType ?? word(draft.mediaType, redactor),
        producedBy: draft.producedBy,
      }),
    });
  }

  /** The head of a run with these steps. */
  build(steps: RunHead["steps"]): RunHead {
    const { models, totals, losses } = this.#tools;
    const { source, agent, session, environment } = this.#facts;
    // Before the losses are listed: contents may add to them.
    const { value } = this.#extras;
    const extra = value === undefined ? undefined : this.#tools.placer.place({ value });
    return defined<RunHead>({
      schema: RUN_SCHEMA,
      source: { format: "unknown", ...(source as Partial<RunSource>) },
      name: this.#name,
      agent: emptyAsMissing<RunAgent>(agent as { [key in keyof RunAgent]: RunAgent[key] }),
      session: emptyAsMissing<RunSession>(
        session as { [key in keyof RunSession]: RunSession[key] },
      ),
      models: models.list,
      tools: [...this.#toolList.values()],
      system: this.#system,
      inputs: sortedFiles(this.#inputs),
      outputs: sortedFiles(this.#outputs),
      environment: emptyAsMissing<RunEnvironment>(
        environment as { [key in keyof RunEnvironment]: RunEnvironment[key] },
      ),
      steps,
      totals: totals.totals(),
      loss: losses.list(),
      notCaptured: this.#missing() as RunHead["notCaptured"],
      parents: this.#parents,
      note: this.#note,
      extra,
    });
  }

  /** What was said not to be captured, unless it came after all: who forks a run may know more than its log. */
  #missing(): string[] {
    const held = new Map<string, number>([
      ["inputs", this.#inputs.size],
      ["outputs", this.#outputs.size],
      ["system", this.#system.length],
      ["tools", this.#toolList.size],
      ["models", this.#tools.models.list.length],
    ]);
    return [...this.#notCaptured].filter((part) => !held.get(part)).sort();
  }

  /** Adds members that are not there yet, objects by their members; another value of one that is there is a loss. */
  #merge(known: Words, more: Words, path: string): void {
    for (const [key, value] of Object.entries(more)) {
      if (value === undefined || value === "") continue;
      const at = `${path}.${key}`;
      if (typeof value === "object" && value !== null) {
        const inner = (Object.hasOwn(known, key) ? known[key] : {}) as Words;
        this.#merge(inner, value as Words, at);
        if (Object.keys(inner).length > 0) known[key] = inner;
      } else {
        const safe = typeof value === "string" ? this.#safe(value) : value;
        const first = Object.hasOwn(known, key) ? known[key] : undefined;
        define(known, key, this.#first(at, first, safe));
      }
    }
  }

  /** What was said first. */
  #first<T>(path: string, first: T | undefined, later: T | undefined): T | undefined {
    if (first !== undefined && later !== undefined && later !== first) {
      this.#tools.losses.add({ path, reason: "changed" });
    }
    return first ?? later;
  }

  #safe(text: string | undefined): string | undefined {
    return word(text, this.#tools.redactor);
  }
}

/** Tool names come from logs: `__proto__` is a key like any other. */
function define(record: Words, key: string, value: unknown): void {
  Object.defineProperty(record, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function sortedFiles(files: ReadonlyMap<string, NamedFile>): RunFileRef[] {
  return [...files.values()].map(({ ref }) => ref).sort((a, b) => compareBytewise(a.name, b.name));
}
