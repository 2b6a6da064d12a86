// The vectors of all pages to one matrix, with a line of JSON for each row:  node join-vectors.ts --dimensions=N FOLDER OUT
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [flag = "", from = "", to = ""] = process.argv.slice(2);
const dimensions = Number(flag.slice("--dimensions=".length));
const paths = globSync("**/*.f32", { cwd: from }).sort();
const parts = paths.map((path) => readFileSync(join(from, path)));
const rows = paths.flatMap((path, at) =>
  Array.from({ length: (parts[at] as Buffer).length / (4 * dimensions) }, (_, chunk) =>
    JSON.stringify({ page: path.replace(/\.txt\.json\.f32$/, ""), chunk }),
  ),
);
mkdirSync(to, { recursive: true });
writeFileSync(join(to, "vectors.f32"), Buffer.concat(parts));
writeFileSync(join(to, "rows.jsonl"), rows.map((row) => `${row}\n`).join(""));
