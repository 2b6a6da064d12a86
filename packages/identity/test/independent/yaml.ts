import { escapeUnit, isLoneSurrogate } from "./json.ts";
import type { Random } from "./random.ts";
import { WrittenNumber, WrittenObject, type WrittenValue } from "./written.ts";

// Words a YAML 1.1 or 1.2 reader takes for something else than a string.
const RESERVED = /^(?:y|n|yes|no|on|off|true|false|null|nan|inf|\.nan|\.inf)$/i;
const PLAIN = /^[A-Za-zéü日本][A-Za-z0-9é日本_./*?-]*(?: [A-Za-z0-9_./*-]+)*$/u;
// What may stand unescaped in a quoted or literal scalar on one line.
const PRINTABLE =
  /^[\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]*$/u;

/** YAML text of a written value in random styles: block or flow, plain, quoted or literal scalars. */
export function yamlText(value: WrittenValue, random: Random): string {
  const start = random.oneIn(4) ? "---\n" : random.oneIn(4) ? "# a contract\n\n" : "";
  return `${start}${block(value, "", random).replace(/^\n/, "")}\n`;
}

/** The text after `key:` or `-`: begins with a new line for block collections, else with a space. */
function block(value: WrittenValue, indent: string, random: Random): string {
  const asFlow = indent !== "" && random.oneIn(4);
  if (value instanceof WrittenObject && value.members.length > 0 && !asFlow) {
    const lines = value.members.map(
      ([key, member]) => `${indent}${keyText(key, random)}:${block(member, step(indent), random)}`,
    );
    return `\n${lines.join(between(random))}`;
  }
  if (Array.isArray(value) && value.length > 0 && !asFlow) {
    const lines = value.map(
      (item: WrittenValue) => `${indent}- ${sequenceItem(item, indent, random)}`,
    );
    return `\n${lines.join("\n")}`;
  }
  if (typeof value === "string" && isLiteral(value) && random.oneIn(2)) {
    return ` |${value.endsWith("\n") ? "" : "-"}\n${value
      .replace(/\n$/, "")
      .split("\n")
      .map((line) => (line === "" ? "" : `${indent === "" ? " " : indent}${line}`))
      .join("\n")}`;
  }
  const comment = typeof value !== "object" && random.oneIn(10) ? " # noted" : "";
  return ` ${flow(value, random)}${comment}`;
}

/** A sequence item; an object may start on the dash's own line. */
function sequenceItem(item: WrittenValue, indent: string, random: Random): string {
  const inner = block(item, `${indent}  `, random);
  return inner.startsWith("\n") && item instanceof WrittenObject && random.oneIn(2)
    ? inner.slice(1 + indent.length + 2)
    : inner.replace(/^ /, "");
}

function step(indent: string): string {
  return `${indent}  `;
}

function between(random: Random): string {
  return random.oneIn(8) ? "\n\n" : "\n";
}

function flow(value: WrittenValue, random: Random): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (value instanceof WrittenNumber) return value.literal;
  if (typeof value === "string") return scalar(value, random, true);
  const space = random.pick(["", " "]);
  if (value instanceof WrittenObject) {
    const members = value.members.map(
      ([key, member]) => `${keyText(key, random)}: ${flow(member, random)}`,
    );
    return `{${space}${members.join(", ")}${space}}`;
  }
  const items = (value as readonly WrittenValue[]).map((item) => flow(item, random));
  return `[${space}${items.join(", ")}${space}]`;
}

function keyText(key: string, random: Random): string {
  return scalar(key, random, true);
}

function scalar(text: string, random: Random, inFlow: boolean): string {
  const style = random.below(4);
  if (style < 2 && PLAIN.test(text) && !RESERVED.test(text) && !(inFlow && /[?*]$/.test(text))) {
    return text;
  }
  if (style < 3 && PRINTABLE.test(text)) return `'${text.replaceAll("'", "''")}'`;
  return doubleQuoted(text, random);
}

function doubleQuoted(text: string, random: Random): string {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    const char = String.fromCodePoint(text.codePointAt(i) ?? 0);
    if (isLoneSurrogate(text, i)) out += escapeUnit(text.charCodeAt(i));
    else if (char === '"' || char === "\\") out += `\\${char}`;
    else if (char === "\n") out += "\\n";
    else if (!PRINTABLE.test(char) || random.oneIn(12)) out += escaped(char);
    else out += char;
    i += char.length - 1;
  }
  return `"${out}"`;
}

function escaped(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** Text that a literal block scalar can hold with clip (`|`) or strip (`|-`) chomping. */
function isLiteral(text: string): boolean {
  const lines = text.replace(/\n$/, "").split("\n");
  return (
    lines.every((line) => PRINTABLE.test(line)) &&
    /^[^\s]/.test(lines[0] ?? "") &&
    !/^\s*$/.test(lines.at(-1) ?? "")
  );
}
