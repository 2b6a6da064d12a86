import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { jsonText } from "./json.ts";
import type { Random } from "./random.ts";
import { randomObject, randomString } from "./values.ts";
import { WrittenNumber, WrittenObject, type WrittenValue } from "./written.ts";

// Literals whose Python text differs from ECMAScript's.
const NUMBERS = ["1.0", "1e16", "1e15", "123456789012345678901234567890", "-0.0", "-0", "1e-5", "0.0001", "1E22", "5e-324", "9007199254740993"]; // biome-ignore format: a table

/** A random contract of the first prototype: any object, with folders hashed its way. */
export function writeLegacyContract(
  folder: string,
  random: Random,
): { file: string; folder: string; text: string } {
  mkdirSync(folder, { recursive: true });
  const inputs = random.times(random.below(3), (i) => writeInput(folder, `in${i}`, random));
  const members: [string, WrittenValue][] = [
    ["tool", randomString(random).toWellFormed()],
    ["n", random.times(3, () => new WrittenNumber(random.pick(NUMBERS)))],
    ["params", randomObject(random, 2)],
    ["inputs", inputs],
  ];
  if (random.oneIn(2)) members.push(["outputs", [new WrittenObject([["path", "./out"]])]]);
  const text = jsonText(new WrittenObject(random.shuffle(members)), random);
  const file = join(folder, "contract.json");
  writeFileSync(file, text);
  return { file, folder, text };
}

/** A folder whose order by path string, by bytes and by components differ. */
function writeInput(folder: string, name: string, random: Random): WrittenObject {
  const files = [
    "a/b",
    "a-c",
    "a.d/e",
    "a/\uff5e",
    "a/\u{1f600}",
    "é",
    "e\u0301",
    ".dot",
    "B",
    "a/z/1",
  ];
  mkdirSync(join(folder, name), { recursive: true });
  for (const file of random.shuffle(files).slice(0, random.below(9))) {
    mkdirSync(join(folder, name, file, ".."), { recursive: true });
    writeFileSync(join(folder, name, file), random.pick(["", "x", "a\n"]));
    if (random.oneIn(6)) {
      try {
        symlinkSync(join(folder, name, file), join(folder, name, "link"));
      } catch {} // there is one already
    }
  }
  return new WrittenObject([
    ["name", name],
    ["path", random.pick([name, `./${name}`])],
  ]);
}
