// Our Markdown documents, as far as tests look at them: code blocks with what is said about each, headings, links.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const root: string = join(import.meta.dirname, "../..");

/** A fenced code block, and what comments right before it say; readers of the page do not see those. */
export interface Block {
  readonly language: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
  /** `<!-- before … -->`: code that comes first and would only be in the reader's way. */
  readonly before?: { readonly line: number; readonly code: string } | undefined;
  /** `<!-- needs: … -->`: what a machine has to have for it: `cloud account`, or names of programs. */
  readonly needs: readonly string[];
  /** `<!-- only checked: … -->`: why it is not run. */
  readonly onlyChecked?: string | undefined;
  /** `<!-- run by: … -->`: the file that does, relative to the repository's root. */
  readonly runBy?: string | undefined;
}

export interface MarkdownDocument {
  /** Relative to the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly anchors: ReadonlySet<string>;
  readonly links: readonly { readonly line: number; readonly target: string }[];
  /** `<!-- registry: USER PASSWORD -->`: the registry that it talks to wants an account. */
  readonly account?: { readonly user: string; readonly password: string } | undefined;
}

/** Files of the repository, new ones too: a document is looked at before it is committed. */
export function repositoryFiles(): readonly string[] {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const git = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  if (git.status !== 0) throw new Error(`git ls-files: ${git.error ?? git.stderr}`);
  return git.stdout.split("\0").filter((path) => path !== "");
}

export function readDocument(path: string): MarkdownDocument {
  return parseDocument(path, readFileSync(join(root, path), "utf8"));
}

const FENCE = /^(\s*)(`{3,}|~{3,})\s*(.*?)\s*$/;

export function parseDocument(path: string, text: string): MarkdownDocument {
  const lines = text.split("\n");
  const blocks: Block[] = [];
  const prose: string[] = [];
  let comments: { readonly line: number; readonly text: string }[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    const fence = FENCE.exec(line);
    if (fence) {
      const [, indent = "", mark = "", language = ""] = fence;
      const end = lines.findIndex((one, at) => at > i && one.trim() === mark);
      if (end === -1) throw new Error(`${path}:${i + 1}: a code block without an end`);
      const code = lines.slice(i + 1, end).map((one) => one.slice(indent.length));
      blocks.push({ language, line: i + 2, code: code.join("\n"), ...said(comments) });
      for (; i < end; i++) prose.push("");
      prose.push("");
      comments = [];
      continue;
    }
    if (line.startsWith("<!--")) {
      const end = lines.findIndex((one, at) => at >= i && one.endsWith("-->"));
      if (end === -1) throw new Error(`${path}:${i + 1}: a comment without an end`);
      const comment = lines.slice(i, end + 1).join("\n");
      comments.push({ line: i + 1, text: comment.slice("<!--".length, -"-->".length) });
      for (; i < end; i++) prose.push("");
      prose.push("");
      continue;
    }
    if (line.trim() !== "") comments = [];
    prose.push(line);
  }
  const account = /^<!-- registry: (\S+) (\S+) -->$/m.exec(text);
  return {
    path,
    text,
    blocks,
    anchors: anchorsOf(prose),
    links: linksOf(prose),
    ...(account && { account: { user: account[1] as string, password: account[2] as string } }),
  };
}

function said(
  comments: readonly { readonly line: number; readonly text: string }[],
): Pick<Block, "before" | "needs" | "onlyChecked" | "runBy"> {
  const before = comments.find(({ text }) => text.startsWith(" before\n"));
  const value = (name: string) =>
    comments.map(({ text }) => new RegExp(`^ ${name}: (.+) $`).exec(text)?.[1]).find(Boolean);
  return {
    before: before && { line: before.line + 1, code: before.text.slice(" before\n".length) },
    needs: value("needs")?.split(", ") ?? [],
    onlyChecked: value("only checked"),
    runBy: value("run by"),
  };
}

/** What GitHub makes of headings, and anchors that are written out. */
function anchorsOf(prose: readonly string[]): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const line of prose) {
    for (const [, id = ""] of line.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
    const heading = /^#{1,6} +(.+?)(?: +#+)?$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
    let unique = slug;
    for (let n = 1; anchors.has(unique); n++) unique = `${slug}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

function linksOf(prose: readonly string[]): { line: number; target: string }[] {
  return prose.flatMap((line, index) => {
    const text = line.replace(/(`+).*?\1/g, "");
    const found = [
      ...text.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g),
      ...text.matchAll(/^\[[^\]]+\]: <?(\S+?)>?$/g),
      ...text.matchAll(/<(https?:[^>]+)>/g),
      ...text.matchAll(/ (?:href|src)="([^"]+)"/g),
    ];
    return found.map(([, target = ""]) => ({ line: index + 1, target }));
  });
}
