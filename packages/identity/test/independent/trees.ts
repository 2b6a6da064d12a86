import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Random } from "./random.ts";

const FOLDERS = [
  "a",
  "b",
  "drafts",
  "a-b",
  "a.b",
  ".hidden",
  "é",
  "日本",
  "x y",
  "\u{1f600}",
  "Ünï",
  "-p",
];
const FILES = [
  "a", "b", "c.md", "d.md", "a.py", "b.py", "z.txt", "-n", ".dot", "é.md", "u\u0308.md", "\u212b.txt", "\uff5e.md", "\u{1f600}.md",
  "한.txt", "\u1112\u1161\u11ab.py", " ", "a b.md", "*", "?.md", "[x].md", "back\\slash", "tab\t.md", "README", "long".repeat(20),
  "\u0344.md", "\ufb1d.py", "\u0958.md", "q\u0323\u0307", "q\u0307\u0323.md",
]; // biome-ignore format: a table

/** What stands in a generated folder, by path relative to it. */
export interface Tree {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** Writes a small tree of files, folders and links; now and then one that has no identity. */
export function writeTree(root: string, random: Random): Tree {
  mkdirSync(root, { recursive: true });
  const folders = [""];
  const files: string[] = [];
  for (let i = random.below(4); i > 0; i--) {
    const folder = join(random.pick(folders), random.pick(FOLDERS));
    if (folders.includes(folder)) continue;
    mkdirSync(join(root, folder), { recursive: true });
    folders.push(folder);
  }
  for (let i = random.below(8); i > 0; i--) {
    const file = join(random.pick(folders), random.pick(FILES));
    if (folders.includes(file) || files.includes(file)) continue;
    writeFileSync(join(root, file), content(random));
    files.push(file);
  }
  for (let i = random.below(4); i > 0; i--)
    writeLink(root, random.pick(folders), { files, folders }, random);
  if (random.oneIn(25)) writeOddity(root, random.pick(folders), files, random);
  return { files, folders };
}

function content(random: Random): Uint8Array {
  const size = random.pick([0, 1, 2, 63, 64, 65, 1000, 5000]);
  return Uint8Array.from({ length: size }, () => random.below(256));
}

/** A link to something of the tree: relative, absolute, through another link or through the outside. */
function writeLink(root: string, folder: string, tree: Tree, random: Random): void {
  const name = random.pick(["link", "link.md", "l.py", "lien-é", "drafts-link"]);
  // Few links to folders: most of those above the link close a cycle.
  const target = random.pick(
    random.oneIn(6) ? tree.folders : tree.files.length > 0 ? tree.files : [folder],
  );
  if (target === folder && !random.oneIn(8)) return;
  const to = random.pick([
    relative(join(root, folder), join(root, target)) || ".",
    relative(join(root, folder), join(root, target)) || ".",
    join(root, target),
    `${relative(join(root, folder), join(root, ".."))}/${root.slice(root.lastIndexOf("/") + 1)}/${target}`,
  ]);
  linkOnce(to, join(root, folder, name));
}

/** Something that is an error when it is looked at, or that does not count. */
function writeOddity(root: string, folder: string, files: string[], random: Random): void {
  const at = (name: string): string => join(root, folder, name);
  const oddities: readonly (() => void)[] = [
    () => linkOnce("nowhere", at("dead.md")),
    () => linkOnce("../".repeat(40), at("outside")),
    () => {
      writeFileSync(join(root, "..", "outside.md"), "x");
      linkOnce(relative(join(root, folder), join(root, "..", "outside.md")), at("leaves.md"));
    },
    () => linkOnce("itself", at("itself")),
    () => writeFileSync(at("new\nline.md"), "x"),
    () => writeFileSync(Buffer.concat([Buffer.from(at("bad-")), Buffer.from([0xff, 0xfe])]), "x"),
    () => {
      writeFileSync(at("twin-\u00e9.md"), "1");
      writeFileSync(at("twin-e\u0301.md"), "2");
    },
    () => {
      execFileSync("mkfifo", [at("fifo.md")]);
      files.push(join(folder, "fifo.md"));
    },
  ];
  random.pick(oddities)();
}

function linkOnce(to: string, at: string): void {
  try {
    symlinkSync(to, at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
