import { canonicalize, type JsonValue } from "@ctxpack/identity";
import type { Redactor } from "../redact/redactor.ts";
import { defined, word } from "./build-step.ts";
import type { ContentDraft, ModelDraft } from "./draft.ts";
import type { RunModel } from "./head.ts";
import type { ContentPlacer } from "./place.ts";

/** Where a call's model stands in the head, and the parameters of the call that are not those of the head. */
export interface ModelUse {
  readonly position: number;
  readonly params?: ContentDraft;
}

interface Known {
  readonly position: number;
  /** Canonical text of its parameters. */
  readonly params: string | undefined;
}

/** The models of a run, in order of first use. */
export class Models {
  readonly list: RunModel[] = [];
  readonly #known = new Map<string, Known>();
  readonly #redactor: Redactor;
  readonly #placer: ContentPlacer;

  constructor(redactor: Redactor, placer: ContentPlacer) {
    this.#redactor = redactor;
    this.#placer = placer;
  }

  /** The place of the model that `draft` describes, which the first use gives it; undefined when it names none. */
  use(draft: ModelDraft): ModelUse | undefined {
    const model = defined<RunModel>({
      requested: word(draft.requested, this.#redactor),
      served: word(draft.served, this.#redactor),
      provider: word(draft.provider, this.#redactor),
      params: undefined,
    });
    if (Object.keys(model).length === 0) return undefined;
    const key = canonicalize(model as { readonly [key: string]: JsonValue });
    const params = paramsOf(draft.params);
    const text = params === undefined ? undefined : JSON.stringify(params);
    const known = this.#known.get(key);
    if (known !== undefined) {
      if (known.params === text) return { position: known.position };
      // A call without parameters beside one with some: `{}` says that there were none.
      return { position: known.position, params: { value: params ?? {} } };
    }
    const position = this.list.length;
    this.#known.set(key, { position, params: text });
    const content = params === undefined ? undefined : this.#placer.place({ value: params });
    this.list.push(content === undefined ? model : { ...model, params: content });
    return { position };
  }
}

/** No parameters and an empty object of them say the same. */
function paramsOf(params: JsonValue | undefined): JsonValue | undefined {
  if (params === undefined || params === null) return undefined;
  if (typeof params === "object" && Object.keys(params).length === 0) return undefined;
  return sorted(params);
}

function sorted(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value as { readonly [key: string]: JsonValue });
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]));
}
