import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "./random.ts";
import { type Tree, writeTree } from "./trees.ts";
import { badNumber, randomLabel, randomObject, randomValue } from "./values.ts";
import { WrittenNumber, WrittenObject, type WrittenValue } from "./written.ts";

type Members = [string, WrittenValue][];

/** What a `pack:` input leads to: rows of path and digest, as a pulled pack's index gives them. */
export type PackRows = Record<string, [string, string][]>;

export interface GeneratedContract {
  readonly contract: WrittenObject;
  readonly env: Record<string, string>;
  readonly packs: PackRows;
}

/** A random contract with the files it names written below `folder`; about one in ten breaks a rule. */
export function writeContract(folder: string, random: Random): GeneratedContract {
  mkdirSync(folder, { recursive: true });
  const packs: PackRows = {};
  const names = random.shuffle(["raw", "Raw", "a.b", "a-b", "a_b", "_x", "9", "z".repeat(128)]);
  const inputs = random.times(random.below(5), (i) => {
    return writeInput(folder, names[i] ?? `in${i}`, packs, random);
  });
  writeSources(folder, random);
  const members: Members = [
    ["transforms", random.times(1 + random.below(3), () => transform(random))],
  ];
  if (inputs.length > 0 || random.oneIn(2)) members.push(["inputs", inputs]);
  members.push(...decoration(random));
  const broken = random.oneIn(25) ? breakRule(members, inputs, random) : members;
  return { contract: new WrittenObject(random.shuffle(broken)), env: environment(random), packs };
}

function writeInput(folder: string, name: string, packs: PackRows, random: Random): WrittenObject {
  const members: Members = [["name", name]];
  const place = random.pick([name, join("data", name), join("donnees-é", "\u{1f600}", name)]);
  switch (random.below(7)) {
    case 0:
      members.push(["value", randomValue(random, 3)]);
      break;
    case 1:
      members.push(["digest", `${random.pick(["sha256", "dirHash1"])}:${hex(random)}`]);
      break;
    case 2: {
      mkdirSync(join(folder, place), { recursive: true });
      const file = join(place, random.pick(["f.bin", "é", "e\u0301", "-n"]));
      writeFileSync(join(folder, file), randomLabel(random).toWellFormed());
      members.push(["path", random.pick([file, `./${file}`])]);
      break;
    }
    case 3: {
      const uri = `ctx://sha256:${hex(random)}`;
      const tree = ["a.md", "a-b", "a/x.md", "a/b/c.py", "é.md", "\u{1f600}/\uff5e", "drafts/d.md"];
      packs[uri] = random
        .shuffle(tree)
        .slice(random.below(7))
        .map((path) => [path, `sha256:${hex(random)}`]);
      members.push(["pack", uri]);
      const files = packs[uri].map(([path]) => path);
      if (random.oneIn(3)) members.push(...filter({ files, folders: [""] }, random));
      break;
    }
    default: {
      const tree = writeTree(join(folder, place), random);
      members.push(["path", treePath(folder, place, random)]);
      if (random.oneIn(2)) members.push(...filter(tree, random));
    }
  }
  return new WrittenObject(random.shuffle(members));
}

function treePath(folder: string, place: string, random: Random): string {
  if (random.oneIn(5)) {
    const link = `to-${place.replaceAll("/", "-")}`;
    symlinkSync(place, join(folder, link));
    return link;
  }
  return random.pick([place, `./${place}`, `${place}/`, `././${place}`]);
}

/** `include` and `exclude`, mostly made from the tree's own names so that they match something. */
function filter(tree: Tree, random: Random): Members {
  const members: Members = [];
  if (random.oneIn(2))
    members.push(["include", random.times(random.below(3), () => pattern(tree, random))]);
  if (random.oneIn(2))
    members.push(["exclude", random.times(random.below(3), () => pattern(tree, random))]);
  return members;
}

function pattern(tree: Tree, random: Random): string {
  const path = random
    .pick([...tree.files, ...tree.folders.filter(Boolean), "a/b.md"])
    .normalize("NFC");
  const parts = path.split("/").map((part) => {
    const letters = [...part];
    switch (random.below(7)) {
      case 0:
        return "*";
      case 1:
        return "**";
      case 2:
        return part.replace(/^.*(?=\.)/s, "*");
      case 3:
      case 4:
        letters.splice(
          random.below(letters.length),
          random.below(3),
          random.pick(["?", "*", "??"]),
        );
        return letters.join("");
      default:
        return part;
    }
  });
  if (random.oneIn(4)) parts.unshift("**");
  if (random.oneIn(4)) parts.push(random.pick(["**", "*", "*.md"]));
  if (random.oneIn(30)) parts.push(random.pick(["", "..", "{a,b}", "!x"]));
  return parts.join("/");
}

function writeSources(folder: string, random: Random): void {
  for (const file of [
    "src/main.py",
    "src/lib/a.py",
    "src/lib/é.py",
    "src/README",
    "requirements.lock",
  ]) {
    mkdirSync(join(folder, file, ".."), { recursive: true });
    writeFileSync(join(folder, file), random.pick(["", "x = 1\n", "print()\n"]));
  }
}

function transform(random: Random): WrittenObject {
  const members: Members = [["tool", randomLabel(random)]];
  if (random.oneIn(2)) members.push(["tool_version", randomLabel(random)]);
  if (random.oneIn(2)) members.push(["model", randomLabel(random)]);
  if (random.oneIn(4)) {
    members.push([
      "code_hash",
      random.pick([`sha256:${hex(random)}`, "git:abc123", "sha256:abc123..."]),
    ]);
  } else if (random.oneIn(3)) {
    const patterns = [
      "src/**/*.py",
      "src/*.py",
      "requirements.lock",
      "src/**",
      "src/lib/?.py",
      "s*/**/lib/*",
      "**/*.py",
      "src/none",
    ];
    members.push([
      "code",
      random.shuffle(patterns.slice(0, random.oneIn(5) ? 8 : 6)).slice(0, 1 + random.below(3)),
    ]);
  }
  if (random.oneIn(2))
    members.push([
      "env",
      random.shuffle(["REGION", "LANG_é", "EMPTY", "UNSET", "HOME_X"]).slice(random.below(6)),
    ]);
  if (random.oneIn(2)) members.push(["params", randomObject(random, 3)]);
  return new WrittenObject(random.shuffle(members));
}

function environment(random: Random): Record<string, string> {
  const env: Record<string, string> = { EMPTY: "" };
  if (random.oneIn(2)) env["REGION"] = random.pick(["eu-1", "é", "\u{1f600}", " a "]);
  if (random.oneIn(2)) env["LANG_é"] = "e\u0301";
  if (random.oneIn(2)) env["HOME_X"] = "x".repeat(300);
  return env;
}

/** Members that are optional; only `command` is identity. */
function decoration(random: Random): Members {
  const members: Members = [];
  if (random.oneIn(2)) members.push(["$schema", "https://ctxpack.dev/schemas/contract.v1.json"]);
  if (random.oneIn(2)) members.push(["name", randomLabel(random)]);
  if (random.oneIn(3)) {
    members.push([
      "command",
      random.times(1 + random.below(3), () =>
        random.pick(["node", "src/a.ts", "{out}", "-x", "é"]),
      ),
    ]);
  }
  if (random.oneIn(3)) members.push(["outputs", [new WrittenObject([["path", "./result"]])]]);
  if (random.oneIn(4)) members.push(["pass_env", ["OPENAI_API_KEY"]]);
  if (random.oneIn(3)) members.push(["metadata", new WrittenObject([["owner", "search-team"]])]);
  return members;
}

/** The same members with one rule broken. */
function breakRule(members: Members, inputs: readonly WrittenObject[], random: Random): Members {
  const wrong = (...extra: Members): WrittenObject => new WrittenObject([["tool", "t"], ...extra]);
  const without = (key: string): Members => members.filter(([name]) => name !== key);
  const transforms = (t: WrittenObject): Members => [...without("transforms"), ["transforms", [t]]];
  switch (random.below(12)) {
    case 0:
      return [...members, ["colour", "blue"]];
    case 1:
      return transforms(wrong(["params", new WrittenObject([["n", badNumber(random)]])]));
    case 2:
      return transforms(wrong(["tool", "twice"]));
    case 3:
      return transforms(
        wrong(["params", new WrittenObject([["s", random.pick(["\ud800", "a\udc00b"])]])]),
      );
    case 4:
      return transforms(wrong(["code", ["src/*.py"]], ["code_hash", "git:1"]));
    case 5:
      return transforms(wrong(["model", null]));
    case 6:
      return transforms(wrong(["model", ""]));
    case 7:
      return transforms(wrong(["tool_version", new WrittenNumber("1.2")]));
    case 8:
      return [...without("transforms"), ["transforms", []]];
    case 9:
      return [...without("inputs"), ["inputs", [...inputs, new WrittenObject([["name", "n"]])]]];
    case 10:
      return [
        ...without("inputs"),
        [
          "inputs",
          [
            ...inputs,
            ...inputs,
            new WrittenObject([
              ["name", "-n"],
              ["value", true],
            ]),
          ],
        ],
      ];
    default:
      return [
        ...without("inputs"),
        [
          "inputs",
          [
            new WrittenObject([
              ["name", "n"],
              ["path", "absent"],
            ]),
          ],
        ],
      ];
  }
}

function hex(random: Random): string {
  return random.times(8, () => random.bits().toString(16).padStart(8, "0")).join("");
}
