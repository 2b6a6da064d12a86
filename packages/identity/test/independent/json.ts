import type { Random } from "./random.ts";
import { WrittenNumber, WrittenObject, type WrittenValue } from "./written.ts";

/** JSON text of a written value, with random white space and random (legal) string escapes. */
export function jsonText(value: WrittenValue, random: Random): string {
  const space = (): string => random.pick(["", "", "", " ", "\n  ", "\t", "\r\n"]);
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return jsonString(value, random);
  if (value instanceof WrittenNumber) return value.literal;
  if (value instanceof WrittenObject) {
    const members = value.members.map(
      ([key, member]) =>
        `${space()}${jsonString(key, random)}${space()}:${space()}${jsonText(member, random)}${space()}`,
    );
    return `{${members.join(",")}}`;
  }
  return `[${value.map((item) => `${space()}${jsonText(item, random)}${space()}`).join(",")}]`;
}

/** A JSON string; some characters are written as `\uXXXX` though they need not be. */
function jsonString(text: string, random: Random): string {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const lone = isLoneSurrogate(text, i);
    if (unit < 0x20 || unit === 0x22 || unit === 0x5c) out += JSON.stringify(text[i]).slice(1, -1);
    else if (lone || (!isSurrogate(unit) && random.oneIn(12))) out += escapeUnit(unit);
    else out += text[i];
  }
  return `"${out}"`;
}

export function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

export function isLoneSurrogate(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  if (unit >= 0xd800 && unit <= 0xdbff) {
    const next = text.charCodeAt(at + 1);
    return !(next >= 0xdc00 && next <= 0xdfff);
  }
  if (unit >= 0xdc00 && unit <= 0xdfff) {
    const before = text.charCodeAt(at - 1);
    return !(before >= 0xd800 && before <= 0xdbff);
  }
  return false;
}
