import { globSync } from "node:fs";
import { expect, test } from "vitest";
import { expectReadme, isFull } from "../readme.ts";
import { clean } from "./clean.ts";
import { pseudonyms } from "./pseudonym.ts";

const example = import.meta.dirname;

const hasLists = isFull && globSync("/var/lib/apt/lists/*_Packages*").length > 0;
if (isFull && !hasLists) console.log("SKIPPED etl in full: apt has no lists here");

test.skipIf(!hasLists)("README.md, with the lists of this machine", async () => {
  // The lists change from day to day: what is said of items is said, with other numbers.
  const counts = (text: string): string =>
    [...text.matchAll(/^[\d,]+ items: .*$|^error.*$/gm)].join("\n").replaceAll(/\d[\d,]*/g, "#");
  const printed = (await expectReadme(example, "full", { masked: counts })).join("");
  const [first, second] = [...printed.matchAll(/([\d,]+) items: ([\d,]+) known/g)].map((match) =>
    match.slice(1).map((count) => Number(count.replaceAll(",", ""))),
  );
  expect(first).toEqual([expect.any(Number), 0]);
  expect(second?.[1]).toBeGreaterThan((second?.[0] ?? 0) / 2);
});

/** Which words are in the files of stores and pantry, also in compressed ones. */
const SEARCH = `node --input-type=module - <<'END'
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
const words = ["brot", "JANA", "jana", "Müller", process.env.PSEUDONYM_KEY];
const found = new Set();
for (const folder of ["pantry", "another-machine", "../.cache/ctxpack"]) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = readFileSync(join(entry.parentPath, entry.name));
    const isZstd = bytes.subarray(0, 4).toString("hex") === "28b52ffd";
    const text = String(isZstd ? zstdDecompressSync(bytes) : bytes);
    for (const [index, word] of words.entries()) if (text.includes(word)) found.add(folder + " " + index);
  }
}
console.log(JSON.stringify([...found]));
END`;

test("README.md, in seconds; neither people nor the key are in a store or pantry", async () => {
  const more = ["ctxpack recheck load.yaml --exit-code; echo $?", SEARCH];
  const printed = await expectReadme(example, "tiny", { more });
  const [recheck, found] = printed.slice(-3);
  expect(recheck).toMatch(/\n0\n$/);
  // The package is found everywhere, so the others would be.
  const everywhere = ["pantry 0", "another-machine 0", "../.cache/ctxpack 0"];
  expect(found).toBe(`${JSON.stringify(everywhere)}\n`);
});

const people = pseudonyms("0f".repeat(32));

test("one address is one person, whatever the name and the case; another key makes another one", () => {
  const person = people.of("Jana Example <jana@example.org>");
  expect(person).toMatch(/^person-[0-9a-f]{16}$/);
  expect(people.of('"Example, J." <JANA@example.org>')).toBe(person);
  expect(people.of("jan@example.org")).not.toBe(person);
  expect(pseudonyms("0e".repeat(32)).of("jana@example.org")).not.toBe(person);
  expect(people.of("Jana Example")).toBeNull();
});

test.each([
  ["jana@müller.example", "umlauts"],
  ["jörg@example.org", "umlauts"],
  ["o'brien@example.org", "an apostrophe"],
  ["jana+lists@mail.example.org", "a tag"],
])("of %s nothing stays (%s); a dot at the end is none of it", (address) => {
  const person = people.of(`Somebody <${address}>`);
  expect(people.within(`by ${address}, <${address}>. Write to ${address}.`)).toBe(
    `by ${person}, <${person}>. Write to ${person}.`,
  );
});

test.each([undefined, "", "password", "0f".repeat(16)])("the key %j is refused", (key) => {
  expect(() => pseudonyms(key)).toThrow("64 hex digits");
});

test("a stanza is typed; what cannot be read is null, and said", () => {
  const record = clean(
    [
      "Package: brot",
      "Version: 1.0-1",
      "Version: 2.0-1",
      "Source: getreide (1.0-2)",
      "Maintainer: Jana Example <jana@example.org>",
      "Uploaders: Karl Example <karl@example.org>",
      "Installed-Size: 0x80",
      "Size: 40960",
      "Depends: a (>= 1), b:any |",
      " c (<< 2) [amd64]",
      "?",
      "Description: by karl@example.org",
    ].join("\n"),
    people,
  );
  expect(record).toEqual({
    package: "brot",
    version: "1.0-1",
    architecture: null,
    source: "getreide",
    section: null,
    installedKiB: null,
    bytes: 40960,
    sha256: null,
    maintainer: people.of("jana@example.org"),
    homepage: null,
    description: `by ${people.of("karl@example.org")}`,
    provides: [],
    depends: [["a"], ["b", "c"]],
    problems: [
      "Version: twice",
      "a line without a field",
      "Architecture: missing",
      "Section: missing",
      "Installed-Size: not a number",
      "SHA256: missing",
    ],
  });
});
