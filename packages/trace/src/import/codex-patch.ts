import { relativeTo } from "../run/file-name.ts";

/** A file that a patch touches. */
export interface PatchedFile {
  readonly name: string;
  /** What it holds afterwards, when the patch alone tells: of new files. */
  readonly content: string | undefined;
}

/** The files that an `apply_patch` input adds or changes; deleted ones are not there afterwards. */
export function patchedFiles(patch: string, cwd: string | undefined): PatchedFile[] {
  const files: PatchedFile[] = [];
  let added: { name: string; lines: string[] } | undefined;
  const finish = () => {
    if (added === undefined) return;
    const content = added.lines.map((line) => `${line}\n`).join("");
    files.push({ name: added.name, content });
    added = undefined;
  };
  for (const line of patch.split("\n")) {
    const [, verb, path] =
      /^\*\*\* (Add File|Update File|Delete File|Move to|End Patch):? ?(.*)$/.exec(line) ?? [];
    if (verb === undefined) {
      if (added !== undefined && line.startsWith("+")) added.lines.push(line.slice(1));
      continue;
    }
    finish();
    const name = relativeTo((path ?? "").trim(), cwd);
    if (verb === "Add File") added = { name, lines: [] };
    else if (verb === "Update File" || verb === "Move to") files.push({ name, content: undefined });
  }
  finish();
  return files.slice(0, 1000);
}
