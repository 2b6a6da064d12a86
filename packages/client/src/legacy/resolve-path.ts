import type { Entry, FileEntry } from "@ctxpack/cache/pack";

/**
 * The file that `path` leads to, links followed in every part of it; `undefined` when it leads to none. The
 * entries have passed the rules: no link leaves, dangles or loops. As in any pack, only links may say `..`.
 */
export function resolveFile(
  entries: ReadonlyMap<string, Entry>,
  path: string,
): FileEntry | undefined {
  if (path.split("/").some((part) => part === "" || part === "." || part === ".."))
    return undefined;
  const here: string[] = [];
  const ahead = path.split("/").reverse();
  let followed = 0;
  for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
    if (part === "..") here.pop();
    if (part === "" || part === "." || part === "..") continue;
    const entry = entries.get([...here, part].join("/"));
    if (entry === undefined || !("link" in entry)) {
      here.push(part);
      continue;
    }
    // The path itself may go through a link again and again.
    if (++followed > 40) return undefined;
    ahead.push(...entry.link.split("/").reverse());
  }
  const entry = entries.get(here.join("/"));
  return entry !== undefined && "digest" in entry ? entry : undefined;
}
