import { CtxPackError } from "@ctxpack/identity";
import type { PackFacts } from "./facts.ts";

/** What is looked for: every member that is there has to match, in any letter case, as a part of a word. */
export interface SearchQuery {
  readonly kind?: "contract" | "trace" | undefined;
  /** In any of name, tools, models and names of inputs; all of its words have to be found. */
  readonly text?: string | undefined;
  readonly name?: string | undefined;
  /** A tool of a contract (`NAME@VERSION`), an agent, or a tool that a run called. */
  readonly tool?: string | undefined;
  readonly model?: string | undefined;
  /** The name of an input or of an input file, or the beginning of its digest. */
  readonly input?: string | undefined;
  /** A name people gave a pack in a pantry; `*` stands for any characters. */
  readonly tag?: string | undefined;
}

/** Letters of one member of a query: more is no question that a person asks. */
const MOST_LETTERS = 1_000;

/** Throws CTXPACK_E_USAGE for what nothing can match. */
export function checkQuery(query: SearchQuery): void {
  for (const [member, value] of Object.entries(query)) {
    if (value === undefined || (value !== "" && value.length <= MOST_LETTERS)) continue;
    throw new CtxPackError(
      "CTXPACK_E_USAGE",
      value === "" ? `${member} to search for is empty` : `${member} to search for is too long`,
      { hint: `leave it out, or give 1 to ${MOST_LETTERS} letters`, details: { member } },
    );
  }
}

/** Whether facts are what is looked for; tags are none of theirs. */
export function matches(query: SearchQuery, facts: PackFacts): boolean {
  const { kind, text, name, tool, model, input } = query;
  if (kind !== undefined && facts.kind !== kind) return false;
  if (name !== undefined && !isPart(name, facts.name ?? "")) return false;
  if (tool !== undefined && !facts.tools.some((one) => isPart(tool, one))) return false;
  if (model !== undefined && !facts.models.some((one) => isPart(model, one))) return false;
  if (input !== undefined && !facts.inputs.some((one) => isInput(input, one))) return false;
  return text === undefined || hasWords(text, facts);
}

/** Makes a test for tags of a pattern with `*`. */
export function tagPattern(pattern: string): (tag: string) => boolean {
  const parts = pattern.toLowerCase().split("*");
  return (tag) => isMadeOf(parts, tag.toLowerCase());
}

/** Without a regular expression: a pattern with many stars takes no longer than its length times the tag's. */
function isMadeOf(parts: readonly string[], tag: string): boolean {
  const [first = "", ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return tag === first;
  if (!tag.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = tag.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return tag.length - last.length >= at && tag.endsWith(last);
}

function isInput(sought: string, { name, digest }: PackFacts["inputs"][number]): boolean {
  if (isPart(sought, name)) return true;
  const hex = digest?.slice(digest.indexOf(":") + 1);
  return (
    digest?.startsWith(sought) === true || (sought.length >= 6 && hex?.startsWith(sought) === true)
  );
}

function hasWords(text: string, { name, tools, models, inputs }: PackFacts): boolean {
  const all = [name ?? "", ...tools, ...models, ...inputs.map((input) => input.name)];
  const words = text.split(/\s+/).filter((word) => word !== "");
  return words.every((word) => all.some((one) => isPart(word, one)));
}

function isPart(part: string, whole: string): boolean {
  return whole.toLowerCase().includes(part.toLowerCase());
}
