// A shard to typed records without people:  node clean.ts <shard> <records.jsonl> [<shard> <records.jsonl> …]
import { readFileSync, writeFileSync } from "node:fs";
import type { PackageRecord } from "./package-record.ts";
import { pseudonyms } from "./pseudonym.ts";

type People = ReturnType<typeof pseudonyms>;

/** Only fields that are named here get through: a new one with personal data is not taken over because nobody thought of it. */
export function clean(stanza: string, people: People): PackageRecord {
  const problems: string[] = [];
  const fields = parse(stanza, problems);
  const text = (name: string, isRequired = true): string | null => {
    const value = fields.get(name);
    if (value === undefined && isRequired) problems.push(`${name}: missing`);
    return value === undefined ? null : people.within(value);
  };
  const number = (name: string): number | null => {
    const value = text(name);
    if (value === null || /^\d{1,15}$/.test(value)) return value === null ? null : Number(value);
    problems.push(`${name}: not a number`);
    return null;
  };
  const matching = (name: string, pattern: RegExp, isRequired: boolean): string | null => {
    const value = text(name, isRequired);
    if (value === null || pattern.test(value)) return value;
    problems.push(`${name}: not well-formed`);
    return null;
  };
  const name = matching("Package", /^[a-z0-9][a-z0-9+.-]+$/, true);
  const maintainer = people.of(fields.get("Maintainer") ?? "");
  if (maintainer === null) problems.push("Maintainer: no address");
  return {
    package: name,
    version: matching("Version", /^[0-9][\w.+:~-]*$/, true),
    architecture: text("Architecture"),
    source: text("Source", false)?.replace(/\s.*/, "") ?? name,
    section: text("Section"),
    installedKiB: number("Installed-Size"),
    bytes: number("Size"),
    sha256: matching("SHA256", /^[0-9a-f]{64}$/, true),
    maintainer,
    homepage: matching("Homepage", /^https?:\/\/[^\s/]+/, false),
    description: text("Description"),
    provides: relations(text("Provides", false)).flat(),
    depends: [...relations(text("Pre-Depends", false)), ...relations(text("Depends", false))],
    problems,
  };
}

/** `Name: value`, with lines that go on where the first one ended; of two with one name the first is taken. */
function parse(stanza: string, problems: string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of stanza.replace(/\n[ \t]+/g, " ").split("\n")) {
    const [, name = "", value = ""] = /^([A-Za-z][A-Za-z0-9-]*):\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === "") problems.push("a line without a field");
    else if (fields.has(name)) problems.push(`${name}: twice`);
    else if (value !== "") fields.set(name, value);
  }
  return fields;
}

/** `a (>= 1), b | c:any` names a, and one of b and c. */
function relations(value: string | null): string[][] {
  return (value ?? "")
    .split(",")
    .filter((one) => one.trim() !== "")
    .map((one) => one.split("|").map((word) => word.trim().replace(/[\s:(].*/, "")));
}

function main(args: readonly string[]): void {
  const people = pseudonyms(process.env["PSEUDONYM_KEY"]);
  for (let at = 0; at + 1 < args.length; at += 2) {
    const [from = "", to = ""] = args.slice(at, at + 2);
    const stanzas = readFileSync(from, "utf8").trimEnd().split("\n\n");
    const lines = stanzas.map((stanza) => `${JSON.stringify(clean(stanza, people))}\n`);
    writeFileSync(to, lines.join(""));
  }
}

if (import.meta.main) main(process.argv.slice(2));
