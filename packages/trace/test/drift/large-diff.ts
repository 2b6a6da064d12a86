/**
 * Compares two runs in two folders and prints the result, for a process with little memory.
 * `node large-diff.ts A B`: each folder holds `head.json` and `tree/`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { diffRuns, readRun, runFolder } from "../../src/index.ts";

const [a, b] = process.argv
  .slice(2)
  .map((folder) =>
    readRun(readFileSync(join(folder, "head.json")), runFolder(join(folder, "tree"))),
  );
if (a === undefined || b === undefined) throw new Error("two folders");
const { entries, steps } = await diffRuns(a, b, { maxEntries: 100 });
process.stdout.write(JSON.stringify({ entries, steps, rss: process.resourceUsage().maxRSS }));
