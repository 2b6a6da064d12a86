// What a second push costs: only the segments that an edit touched.
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, scratch } from "./run.ts";

cleanUp();

const WORDS =
  "the of index vector chunk page section model token corpus query answer digest segment pack".split(
    " ",
  );

/** Text that compresses as prose does, the same for the same number. */
function text(seed: number, length: number): string {
  let state = seed * 2654435761 + 1;
  let line = "";
  while (line.length < length) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    line += `${WORDS[(state >>> 20) % WORDS.length]}${(state >>> 8) % 997}${(state >>> 28) === 0 ? "\n" : " "}`;
  }
  return line.slice(0, length);
}

const page = (i: number): string =>
  join(
    "out",
    `p${String(Math.floor(i / 100)).padStart(2, "0")}`,
    `${String(i).padStart(4, "0")}.txt`,
  );

/** Seeds and pushes, and says how many of the pack's compressed bytes the pantry lacked. */
async function push(cwd: string, version: number): Promise<{ sent: number; total: number }> {
  writeFileSync(
    join(cwd, "c.json"),
    JSON.stringify({ transforms: [{ tool: "t", params: { version } }] }),
  );
  const uri = await result(["seed", "out", "--contract", "c.json"], { cwd });
  const pushed = await result(["push", uri, "--to", "oci:./pantry", "--json", "--quiet"], { cwd });
  const { sent, existing } = JSON.parse(pushed).bytes;
  return { sent, total: sent + existing };
}

/** 1,600 pages, 50 MB, pushed once; then `edit`, and the share of the second pack that had to be sent. */
async function share(edit: (cwd: string) => void): Promise<number> {
  const cwd = scratch();
  for (let i = 0; i < 1600; i++) {
    if (i % 100 === 0) mkdirSync(join(cwd, page(i), ".."), { recursive: true });
    writeFileSync(join(cwd, page(i)), text(i, 31_250));
  }
  const first = await push(cwd, 1);
  expect(first.sent).toBeGreaterThan(first.total * 0.99);
  edit(cwd);
  const second = await push(cwd, 2);
  return second.sent / second.total;
}

/** Another sentence in the place of one in the middle of a page. */
function rewrite(cwd: string, i: number): void {
  const path = join(cwd, page(i));
  const before = readFileSync(path, "utf8");
  writeFileSync(path, before.slice(0, 15_000) + text(i + 5000, 200) + before.slice(15_200));
}

const neighbours = Array.from({ length: 16 }, (_, i) => 700 + i);
const scattered = Array.from({ length: 16 }, (_, i) => 50 + i * 97);

/** What is done to one page. */
const changes: readonly (readonly [string, (cwd: string, i: number) => void])[] = [
  ["changed in place", rewrite],
  ["appended to", (cwd, i) => appendFileSync(join(cwd, page(i)), text(i + 6000, 900))],
  [
    "with text inserted at their front",
    (cwd, i) => {
      const path = join(cwd, page(i));
      writeFileSync(path, `${text(i + 7000, 900)}\n${readFileSync(path, "utf8")}`);
    },
  ],
  [
    "renamed",
    (cwd, i) => renameSync(join(cwd, page(i)), join(cwd, page(i)).replace(".txt", "-v2.txt")),
  ],
];

// 50 MB are 170 segments, and an edit that moves bytes touches a header and, pages later, a tail: sometimes two
// segments. One place of one corpus is measured here; `benchmarks/src/dedup.ts` has medians over many.
const edits = changes.flatMap(([name, change]) => [
  { name: `16 neighbouring files ${name}`, pages: neighbours, change, limit: 0.03 },
  { name: `16 scattered files ${name}`, pages: scattered, change, limit: 0.13 },
]);

test.each(edits)("a second push after $name sends at most $limit of the bytes", async (edit) => {
  const { name, pages, change, limit } = edit;
  const sent = await share((cwd) => {
    for (const i of pages) change(cwd, i);
  });
  console.log(`${name}: ${(sent * 100).toFixed(2)} % sent`);
  expect(sent).toBeLessThanOrEqual(limit);
  expect(sent).toBeGreaterThan(0);
});

test("1 % appended to 200 MB of JSON lines sends at most 2 %", async () => {
  const cwd = scratch();
  mkdirSync(join(cwd, "out"));
  const path = join(cwd, "out/rows.jsonl");
  const rows = (from: number, count: number): string =>
    Array.from({ length: count }, (_, i) =>
      JSON.stringify({ id: from + i, text: text(from + i, 180) }),
    )
      .join("\n")
      .concat("\n");
  writeFileSync(path, "");
  let id = 0;
  for (; id < 940_000; id += 20_000) appendFileSync(path, rows(id, 20_000));
  await push(cwd, 1);
  appendFileSync(path, rows(id, 9_400));
  const { sent, total } = await push(cwd, 2);
  console.log(
    `1 % appended to JSON lines: ${((sent / total) * 100).toFixed(2)} % sent of ${total} bytes`,
  );
  expect(sent / total).toBeLessThanOrEqual(0.02);
});
