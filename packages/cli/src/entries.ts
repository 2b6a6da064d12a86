import type { Entry } from "@ctxpack/client";
import { formatBytes } from "./format.ts";
import type { Output } from "./output.ts";

/** Few enough that hardly any are there when garbage is collected: what often is makes V8 take more memory. */
const LINES_AT_A_TIME = 512;

/** Lists the entries of a pack as they are read, many lines at a time: a pack may have a million. */
export async function printEntries(entries: Iterable<Entry>, output: Output): Promise<void> {
  const { json, plain } = output.options;
  if (json) {
    output.result("", { entries: [...entries] });
    return;
  }
  let lines: string[] = [];
  const flush = async (): Promise<void> => {
    if (lines.length > 0) await output.bytes(Buffer.from(`${lines.join("\n")}\n`));
    lines = [];
  };
  for (const entry of entries) {
    lines.push(plain ? plainEntry(entry) : entryLine(entry));
    if (lines.length === LINES_AT_A_TIME) await flush();
  }
  await flush();
}

function entryLine(entry: Entry): string {
  if ("dir" in entry) return `${"-".padStart(8)}  ${entry.path}/`;
  if ("link" in entry) return `${"-".padStart(8)}  ${entry.path} -> ${entry.link}`;
  return `${formatBytes(entry.size).padStart(8)}  ${entry.path}`;
}

function plainEntry(entry: Entry): string {
  if ("dir" in entry) return `dir\t\t${entry.path}\t`;
  if ("link" in entry) return `link\t\t${entry.path}\t${entry.link}`;
  return `file\t${entry.size}\t${entry.path}\t${entry.digest}`;
}
