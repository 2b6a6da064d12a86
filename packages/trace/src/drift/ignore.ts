import { CtxPackError, type JsonValue, pointerSteps, visible } from "@ctxpack/identity";
import type { Step } from "../run/step.ts";
import { DRIFT_TYPES, type DriftType } from "./entry.ts";

/** What takes the place of text that a rule ignores. */
const IGNORED = "[ignored]";

/**
 * Rules of what does not count as drift. Each is one of
 *
 * - a type, `reasoning_drift` or `reasoning`: entries of that type are left out;
 * - a JSON pointer of what is left out with all below it, in which `*` is any one member: `/environment/tools/*`. After
 *   `/steps`, `*` is any step and a name or a kind stands for the steps that have it: `/steps/read_file/result`;
 * - `text:` and a regular expression: what it matches is not compared, in texts and JSON strings of steps. It runs over
 *   the texts of both runs; one that backtracks without end is its author's.
 */
export class IgnoreRules {
  readonly given: readonly string[];
  readonly #types = new Set<DriftType>();
  readonly #pointers: string[][] = [];
  readonly #patterns: RegExp[] = [];

  /** @throws CtxPackError `CTXPACK_E_USAGE` for what is no rule. */
  constructor(rules: readonly string[]) {
    this.given = [...rules];
    for (const rule of rules) this.#add(rule);
  }

  /** Whether what steps are aligned by has to be looked into. */
  get touchSteps(): boolean {
    return this.#patterns.length > 0 || this.#pointers.some(([first]) => first === "steps");
  }

  ignoresType(type: DriftType): boolean {
    return this.#types.has(type);
  }

  /** Whether a place is left out. In place of a step's number stands `*`. */
  ignoresPath(path: readonly string[], step?: Step): boolean {
    return this.#pointers.some((rule) => rule.length <= path.length && matches(rule, path, step));
  }

  /** A text without what is ignored. */
  text(text: string): string {
    let rest = text;
    for (const pattern of this.#patterns) rest = rest.replace(pattern, IGNORED);
    return rest;
  }

  /** A JSON value of a step without what is ignored; `path` is where it stands. */
  value(value: JsonValue, path: readonly string[], step: Step): JsonValue {
    if (typeof value === "string") return this.text(value);
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      return value.map((member, index) => {
        const at = [...path, String(index)];
        return this.ignoresPath(at, step) ? IGNORED : this.value(member, at, step);
      });
    }
    const members = Object.entries(value as { readonly [key: string]: JsonValue });
    return Object.fromEntries(
      members
        .map(([key, member]) => ({ key, member, at: [...path, key] }))
        .filter(({ at }) => !this.ignoresPath(at, step))
        .map(({ key, member, at }) => [key, this.value(member, at, step)]),
    );
  }

  #add(rule: string): void {
    if (rule.startsWith("/")) this.#pointers.push(pointerSteps(rule));
    else if (rule.startsWith("text:")) this.#patterns.push(patternOf(rule.slice("text:".length)));
    else {
      const type = DRIFT_TYPES.find((one) => one === rule || one === `${rule}_drift`);
      if (type === undefined)
        throw refused(rule, "neither a type, a JSON pointer nor text:PATTERN");
      this.#types.add(type);
    }
  }
}

function matches(rule: readonly string[], path: readonly string[], step?: Step): boolean {
  return rule.every((part, index) => {
    if (part === "*" || part === path[index]) return true;
    return index === 1 && rule[0] === "steps" && (part === step?.name || part === step?.kind);
  });
}

function patternOf(source: string): RegExp {
  try {
    return new RegExp(source, "gu");
  } catch (cause) {
    throw refused(`text:${source}`, "no regular expression", cause);
  }
}

function refused(rule: string, why: string, cause?: unknown): CtxPackError {
  return new CtxPackError("CTXPACK_E_USAGE", visible(`ignore ${rule}: ${why}`), {
    cause,
    hint: `types are ${DRIFT_TYPES.join(", ")}; a pointer is /steps/*/request/timeout`,
    details: { found: rule },
  });
}
