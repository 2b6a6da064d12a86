import { type JsonValue, sha256 } from "@ctxpack/identity";
import { isObject } from "../source/log.ts";
import { type ReplayCall, type ReplayTool, ToolEnd } from "./tool.ts";

type Members = { readonly [key: string]: JsonValue };

/** Names under which tools take a path. */
const PATHS = ["path", "file_path", "filename", "file", "filePath", "target_file"];

const readTool: ReplayTool = {
  names: ["read_file", "Read", "read", "read_text_file"],
  determinism: "yes",
  async run(call) {
    const args = members(call);
    const bytes = await call.workspace.read(call.workspace.nameOf(path(args)));
    const text = decode(bytes);
    const lines = range(text, args);
    return {
      texts:
        lines === undefined
          ? [text, numbered(text, 1)]
          : [lines.text, numbered(lines.text, lines.first)],
    };
  },
};

const listTool: ReplayTool = {
  names: ["list_dir", "list_directory", "ls", "LS"],
  determinism: "yes",
  async run(call) {
    const given = PATHS.concat("directory")
      .map((key) => members(call)[key])
      .find((one) => typeof one === "string");
    const names = await call.workspace.list(call.workspace.nameOf(String(given ?? "")));
    const bare = names.map((name) => name.replace(/\/$/, ""));
    return {
      texts: [names.join("\n"), bare.join("\n"), JSON.stringify(bare), JSON.stringify(names)],
    };
  },
};

const writeTool: ReplayTool = {
  names: ["write_file", "Write", "write", "write_content", "create_file"],
  determinism: "yes",
  async run(call) {
    const args = members(call);
    const name = call.workspace.nameOf(path(args));
    const bytes = encode(text(args, "content", "contents", "text", "file_text"));
    await call.workspace.write(name, bytes);
    return { texts: [], isEffect: true, wrote: { name, digest: sha256(bytes) } };
  },
};

const editTool: ReplayTool = {
  names: ["edit_file", "Edit", "MultiEdit", "edit", "str_replace"],
  determinism: "yes",
  async run(call) {
    const args = members(call);
    const name = call.workspace.nameOf(path(args));
    const edits = Array.isArray(args["edits"]) ? (args["edits"] as readonly JsonValue[]) : [args];
    let content = decode(await call.workspace.read(name));
    for (const edit of edits) content = edited(content, isObject(edit) ? edit : {}, name);
    await call.workspace.write(name, encode(content));
    return { texts: [], isEffect: true, wrote: { name } };
  },
};

/**
 * Tools that read, list, write and edit files of the workspace, under the names and arguments that agents in use have
 * for them. What they read has to be what was recorded; what they write is compared by the files, not by what the
 * recorded tool said about it.
 */
export const fileTools: readonly ReplayTool[] = [readTool, listTool, writeTool, editTool];

function edited(content: string, edit: Members, name: string): string {
  const before = text(edit, "old_string", "old_str", "oldText", "old_text", "search");
  const after = text(edit, "new_string", "new_str", "newText", "new_text", "replace");
  if (before === "") throw new ToolEnd("refused", "an edit that does not say what to replace");
  if (!content.includes(before))
    throw new ToolEnd("failed", `${name} does not hold the text to replace`);
  if (edit["replace_all"] === true) return content.replaceAll(before, () => after);
  if (content.indexOf(before) !== content.lastIndexOf(before)) {
    throw new ToolEnd("failed", `${name} holds the text to replace more than once`);
  }
  return content.replace(before, () => after);
}

/** The lines that a call asks for; undefined when it asks for all. */
function range(content: string, args: Members): { text: string; first: number } | undefined {
  const { offset, limit } = args;
  if (typeof offset !== "number" && typeof limit !== "number") return undefined;
  const first = typeof offset === "number" ? Math.max(1, Math.trunc(offset)) : 1;
  const lines = content.split("\n");
  const end = typeof limit === "number" ? first - 1 + Math.trunc(limit) : lines.length;
  return { text: lines.slice(first - 1, end).join("\n"), first };
}

/** Lines with their numbers before them, as Claude Code's `Read` shows a file. */
function numbered(content: string, first: number): string {
  return content
    .replace(/\n$/, "")
    .split("\n")
    .map((line, index) => `${String(index + first).padStart(6)}→${line}`)
    .join("\n");
}

function members(call: ReplayCall): Members {
  if (isObject(call.args)) return call.args;
  throw new ToolEnd("refused", `${call.name}: the arguments are no object`);
}

function path(args: Members): string {
  return text(args, ...PATHS);
}

function text(args: Members, ...keys: readonly string[]): string {
  for (const key of keys) {
    const value = args[key];
    if (typeof value === "string") return value;
  }
  throw new ToolEnd("refused", `none of the arguments is called ${keys[0]}`);
}

function encode(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
