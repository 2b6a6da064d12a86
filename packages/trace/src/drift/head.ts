import { type JsonValue, pointerOf, visible } from "@ctxpack/identity";
import { canonicalContent } from "../align/keys.ts";
import type { Content } from "../run/content.ts";
import type { RunTool } from "../run/head.ts";
import { type DriftDraft, listed } from "./draft.ts";
import type { DriftType } from "./entry.ts";
import { MemberChanges } from "./members.ts";
import type { Plain } from "./plain.ts";
import { differingPlains, notCaptured, pairLists, type Sides } from "./side.ts";

/** The system prompts. */
export async function* compareSystem(sides: Sides): AsyncGenerator<DriftDraft> {
  const [a, b] = [sides.a.head.system, sides.b.head.system];
  for (const pair of pairLists(a.map(canonicalContent), b.map(canonicalContent))) {
    const [before, after] = [at(a, pair.a), at(b, pair.b)];
    if (before === undefined && notCaptured(sides.a, "system")) continue;
    if (after === undefined && notCaptured(sides.b, "system")) continue;
    const position = pair.b ?? pair.a ?? 0;
    const changes = new MemberChanges(sides);
    await compareContents(sides, changes, ["system", position], { a: before, b: after });
    const what = a.length > 1 || b.length > 1 ? `system prompt ${position + 1}` : "system prompt";
    yield* draftOf("prompt_drift", ["system", position], what, changes);
  }
}

/** The tools as they were described to the model, by name. */
export async function* compareTools(sides: Sides): AsyncGenerator<DriftDraft> {
  const [a, b] = [byName(sides.a.head.tools), byName(sides.b.head.tools)];
  for (const key of [...new Set([...a.keys(), ...b.keys()])].sort()) {
    const [before, after] = [a.get(key), b.get(key)];
    if (before === undefined && notCaptured(sides.a, "tools")) continue;
    if (after === undefined && notCaptured(sides.b, "tools")) continue;
    const path = ["tools", ...key.split("\n")];
    const changes = new MemberChanges(sides);
    if (before === undefined || after === undefined) {
      changes.compare(path, plainTool(before), plainTool(after));
    } else {
      for (const member of ["version", "annotations"] as const) {
        changes.compare([...path, member], plain(before[member]), plain(after[member]));
      }
      for (const member of ["description", "schema"] as const) {
        const contents = { a: before[member], b: after[member] };
        await compareContents(sides, changes, [...path, member], contents);
      }
    }
    yield* draftOf("tool_drift", path, `the tool ${after?.name ?? before?.name}`, changes);
  }
}

/** Where it ran, by whom, on which code: one entry for each fact that differs. */
export function* compareEnvironment(sides: Sides): Generator<DriftDraft> {
  const [a, b] = [facts(sides, "a"), facts(sides, "b")];
  for (const key of [...new Set([...a.keys(), ...b.keys()])].sort()) {
    const path = JSON.parse(key) as string[];
    const [before, after] = [a.get(key), b.get(key)];
    const part = path[0] === "agent" ? "agent" : "environment";
    if (before === undefined && notCaptured(sides.a, part)) continue;
    if (after === undefined && notCaptured(sides.b, part)) continue;
    const changes = new MemberChanges(sides);
    changes.compare(path, plain(before), plain(after));
    const what = `${path.slice(path[0] === "environment" ? 1 : 0).join(" ")}`;
    const told = before === undefined || after === undefined ? "" : `: ${before}, then ${after}`;
    yield* draftOf("environment_drift", path, what, changes, told);
  }
}

/** An entry for what was found at a place, unless nothing was or it is ignored; `told` is said after it. */
export function* draftOf(
  type: DriftType,
  path: readonly (string | number)[],
  what: string,
  changes: MemberChanges,
  told = "",
): Generator<DriftDraft> {
  if (!changes.any) return;
  const [first] = changes.list;
  const whole = first?.path === pointerOf(path);
  const change = whole && first ? first.change : "changed";
  const members =
    whole || !first ? "" : `: ${changes.list.map(({ path: at }) => tail(at, path)).join(", ")}`;
  yield {
    type,
    change,
    path: pointerOf(path),
    description: clip(visible(`${what} ${change}${told || members}`)),
    ...listed(changes),
  };
}

/** Compares two contents of the heads. */
export async function compareContents(
  sides: Sides,
  changes: MemberChanges,
  path: readonly (string | number)[],
  contents: { readonly a: Content | undefined; readonly b: Content | undefined },
): Promise<void> {
  const plains = await differingPlains(sides, contents.a, contents.b);
  if (plains) changes.compare(path, plains.a, plains.b);
}

/** A word or number of a head as something to compare. */
export function plain(value: JsonValue | undefined): Plain | undefined {
  if (value === undefined) return undefined;
  return typeof value === "string" ? { text: value } : { value };
}

/** Descriptions stay one line of a terminal or two. */
export function clip(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 299).toWellFormed()}…`;
}

function tail(pointer: string, path: readonly (string | number)[]): string {
  return pointer.slice(pointerOf(path).length + 1);
}

function at<T>(list: readonly T[], position: number | undefined): T | undefined {
  return position === undefined ? undefined : list[position];
}

function plainTool(tool: RunTool | undefined): Plain | undefined {
  return tool && { value: tool as unknown as JsonValue };
}

/** A tool that is described more than once, differently, is told apart by its turn. */
function byName(tools: readonly RunTool[]): Map<string, RunTool> {
  const turns = new Map<string, number>();
  return new Map(
    tools.map((tool) => {
      const key = [...(tool.server ? [tool.server] : []), tool.name].join("\n");
      const turn = (turns.get(key) ?? 0) + 1;
      turns.set(key, turn);
      return [turn === 1 ? key : `${key}\n${turn}`, tool];
    }),
  );
}

/** The facts about where a run ran, each by its path. */
function facts(sides: Sides, side: "a" | "b"): Map<string, JsonValue> {
  const { agent, environment, session } = sides[side].head;
  const other = sides[side === "a" ? "b" : "a"].head;
  const found = new Map<string, JsonValue>();
  const add = (path: readonly string[], record: object | undefined) => {
    for (const [key, value] of Object.entries(record ?? {})) {
      if (typeof value !== "object") found.set(JSON.stringify([...path, key]), value as JsonValue);
    }
  };
  add(["agent"], agent);
  add(["environment"], environment);
  add(["environment", "tools"], environment?.tools);
  // A log that knows of no repository says nothing about the code.
  if (other.session?.vcs) add(["session", "vcs"], session?.vcs);
  return found;
}
