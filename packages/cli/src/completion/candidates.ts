import type { CtxPack, PackRecord } from "@ctxpack/client";
import { COMMANDS } from "../commands.ts";
import { TOPIC_NAMES } from "../help.ts";
import type { Position } from "./position.ts";

/** One way to finish a word. */
interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** Ways to finish a word, and what the shell is to add from the disk. */
export interface Candidates {
  readonly words: readonly Candidate[];
  readonly disk: "files" | "folders" | "contracts" | "nothing";
}

const SCHEME = "ctx://sha256:";

/** Digits that tell the packs of any store apart. */
const SHORT = 12;

/** More would be no help. */
const MOST = 200;

/** The ways to finish `word` at that position. `open` gives the library: what is in the store and configured. */
export async function candidatesFor(
  position: Position,
  word: string,
  open: () => Promise<CtxPack>,
): Promise<Candidates> {
  switch (position.kind) {
    case "nothing":
      return { words: [], disk: "nothing" };
    case "command":
      return { words: commands(position.group, word), disk: "nothing" };
    case "flag": {
      const all = Object.entries(position.flags);
      const words = all.map(([name, { about }]) => ({ word: `--${name}`, about }));
      return { words: matching(words, word), disk: "nothing" };
    }
    case "value":
      return await values(position, word, open);
  }
}

async function values(
  { wanted, literal }: Position & { readonly kind: "value" },
  word: string,
  open: () => Promise<CtxPack>,
): Promise<Candidates> {
  const [before = ""] = /^--[^=]+=/.exec(word) ?? [];
  const value = word.slice(before.length);
  const whole = (all: readonly Candidate[]) =>
    all.map((one) => ({ ...one, word: before + one.word }));
  switch (wanted) {
    case "none": {
      const all = literal === undefined ? [] : [{ word: literal, about: "" }];
      return { words: whole(matching(all, value)), disk: "nothing" };
    }
    case "uri":
      return { words: whole(await uris(value, open)), disk: "nothing" };
    case "subject":
      return { words: whole(await uris(value, open)), disk: "contracts" };
    case "pantry":
      return { words: whole(await pantries(value, open)), disk: pantryDisk(value) };
    case "contract":
      return { words: [], disk: "contracts" };
    case "folder":
      return { words: [], disk: "folders" };
    case "file":
      return { words: [], disk: "files" };
  }
}

/** What follows `oci:` is a path. */
function pantryDisk(typed: string): Candidates["disk"] {
  if (typed.startsWith("oci:")) return "folders";
  return typed.startsWith("oci-archive:") ? "files" : "nothing";
}

function commands(group: string | undefined, word: string): Candidate[] {
  const found = new Map<string, string>();
  for (const [name, { summary }] of Object.entries(COMMANDS)) {
    const [first = "", second] = name.split(" ");
    if (group === undefined || group === "help")
      found.set(first, second === undefined ? summary : `${first} …`);
    else if (first === group && second !== undefined) found.set(second, summary);
  }
  if (group === undefined) found.set("help", "print help");
  if (group === "help") for (const topic of TOPIC_NAMES) found.set(topic, "a topic");
  const all = [...found].map(([one, about]) => ({ word: one, about }));
  return matching(all, word);
}

/** Packs of the store, the last used first: whole, or the first digits where only digits were typed. */
async function uris(typed: string, open: () => Promise<CtxPack>): Promise<Candidate[]> {
  const records: PackRecord[] = [];
  for await (const record of (await open()).list()) records.push(record);
  records.sort((a, b) => (a.usedAt < b.usedAt ? 1 : -1));
  const digits = /^(?:sha256:)?[0-9a-f]+$/.test(typed);
  const all = records.map(({ uri, name = "", kind }) => {
    const hex = uri.slice(SCHEME.length);
    const prefix = typed.startsWith("sha256:") ? "sha256:" : "";
    const isShort = digits && `${prefix}${hex}`.startsWith(typed);
    const end = Math.max(SHORT, typed.length - prefix.length);
    return { word: isShort ? prefix + hex.slice(0, end) : uri, about: name || (kind ?? "") };
  });
  return matching(all, typed);
}

async function pantries(typed: string, open: () => Promise<CtxPack>): Promise<Candidate[]> {
  const remotes = (await open()).remotes();
  const all = remotes.map(({ name, address }) =>
    name === undefined ? { word: address, about: "" } : { word: name, about: address },
  );
  const kinds = ["oci:", "oci-archive:"].map((word) => ({ word, about: "" }));
  return matching([...all, ...kinds], typed);
}

function matching(all: readonly Candidate[], typed: string): Candidate[] {
  return all.filter(({ word }) => word.startsWith(typed)).slice(0, MOST);
}
