import type { JsonValue } from "@ctxpack/identity";
import { isObject, type LogLine } from "../source/log.ts";

interface Node {
  readonly line: number;
  readonly parent: string | undefined;
  /** The user asked, as opposed to a tool answering. */
  readonly isPrompt: boolean;
  /** Part of the conversation: lines in between are looked through. */
  readonly isMessage: boolean;
}

/** Lines between two messages; more of them are no conversation. */
const MAX_BETWEEN = 1000;

/**
 * The lines, by number, of branches that the user went back from: when two prompts follow the same message, the one
 * that was written later is where the conversation went on, and what hangs on the others was abandoned.
 */
export function abandonedLines(lines: readonly LogLine[]): Set<number> {
  const nodes = new Map<string, Node>();
  const order: string[] = [];
  for (const { value, line } of lines) {
    if (!isObject(value) || typeof value["uuid"] !== "string") continue;
    const uuid = value["uuid"];
    if (!nodes.has(uuid)) order.push(uuid);
    nodes.set(uuid, nodeOf(value, line));
  }
  const roots = abandonedPrompts(nodes, order);
  if (roots.size === 0) return new Set();
  const verdicts = new Map<string, boolean>();
  const lost = order.filter((uuid) => hangsOn(uuid, roots, nodes, verdicts));
  return new Set(lost.flatMap((uuid) => nodes.get(uuid)?.line ?? []));
}

function nodeOf(value: { readonly [key: string]: JsonValue }, line: number): Node {
  const { type, parentUuid, message } = value;
  const content = isObject(message) ? message["content"] : undefined;
  const answers =
    Array.isArray(content) &&
    content.some((block) => isObject(block) && block["type"] === "tool_result");
  const isMessage = type === "user" || type === "assistant";
  return {
    line,
    parent: typeof parentUuid === "string" ? parentUuid : undefined,
    isPrompt:
      type === "user" && !answers && value["isMeta"] !== true && value["isSidechain"] !== true,
    isMessage,
  };
}

function abandonedPrompts(nodes: ReadonlyMap<string, Node>, order: readonly string[]): Set<string> {
  const latest = new Map<string, string>();
  const abandoned = new Set<string>();
  for (const uuid of order) {
    if (!nodes.get(uuid)?.isPrompt) continue;
    const after = messageBefore(uuid, nodes);
    // Prompts without anything before them begin the session or go on from another file.
    if (after === undefined) continue;
    const earlier = latest.get(after);
    if (earlier !== undefined) abandoned.add(earlier);
    latest.set(after, uuid);
  }
  return abandoned;
}

/** The nearest message above a line. */
function messageBefore(uuid: string, nodes: ReadonlyMap<string, Node>): string | undefined {
  const seen = new Set<string>([uuid]);
  let at = nodes.get(uuid)?.parent;
  while (at !== undefined && !seen.has(at) && seen.size < MAX_BETWEEN) {
    seen.add(at);
    const node = nodes.get(at);
    if (node === undefined || node.isMessage) return at;
    at = node.parent;
  }
  return undefined;
}

/** Whether a line is one of `roots` or below one; `verdicts` keeps what is known, so that the whole is linear. */
function hangsOn(
  uuid: string,
  roots: ReadonlySet<string>,
  nodes: ReadonlyMap<string, Node>,
  verdicts: Map<string, boolean>,
): boolean {
  const path: string[] = [];
  const onPath = new Set<string>();
  let at: string | undefined = uuid;
  let verdict = false;
  while (at !== undefined && !onPath.has(at)) {
    const known = roots.has(at) ? true : verdicts.get(at);
    path.push(at);
    onPath.add(at);
    if (known !== undefined) {
      verdict = known;
      break;
    }
    at = nodes.get(at)?.parent;
  }
  for (const step of path) verdicts.set(step, verdict);
  return verdict;
}
