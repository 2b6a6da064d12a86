import type { JsonValue } from "@ctxpack/identity";
import { relativeTo } from "../run/file-name.ts";
import type { Effects } from "../run/step.ts";
import { isObject } from "../source/log.ts";

const READS = new Set(["Read", "NotebookRead", "Grep", "Glob", "LS"]);
const WRITES = new Set(["Write", "Edit", "MultiEdit", "NotebookEdit"]);

/** Whether a tool of Claude Code starts an agent of its own. */
export function isAgentTool(name: string): boolean {
  return name === "Task" || name === "Agent";
}

/** What a call touches, as far as its arguments tell. */
export function toolEffects(
  name: string,
  input: JsonValue,
  cwd: string | undefined,
): Effects | undefined {
  if (!isObject(input)) return undefined;
  const path = input["file_path"] ?? input["notebook_path"] ?? input["path"];
  const paths = typeof path === "string" ? [relativeTo(path, cwd)] : undefined;
  if (READS.has(name) && paths) return { read: paths };
  if (WRITES.has(name) && paths) return { write: paths };
  const url = input["url"];
  return name === "WebFetch" && typeof url === "string" ? { net: [url] } : undefined;
}
