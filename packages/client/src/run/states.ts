import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** One line for a file, or for each thing below a folder: its path in it, and what changes when its content does. */
export function statesBelow(root: string): string {
  if (!lstatSync(root).isDirectory()) return stateOf(root, "");
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => stateOf(join(root, name), name))
    .join("\n");
}

function stateOf(path: string, name: string): string {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return `${name} gone`;
  return [name, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs, stat.mode].join(" ");
}
