import type { Random } from "./random.ts";
import { WrittenNumber, WrittenObject, type WrittenValue } from "./written.ts";

const NUMBERS = [
  "0", "-0", "-0.0", "0.0", "1", "-1", "1.0", "1.10", "300", "0.1", "1e0", "1E2", "1e+2", "100e-2",
  "9007199254740991", "-9007199254740991", "9007199254740993.0", "9007199254740992e0",
  "1e20", "1e21", "123456789012345680000.0", "1234567890123456789012.0", "0.000001", "0.0000001",
  "1e-6", "1e-7", "1.5e-7", "5e-324", "4.9e-324", "2.2250738585072014e-308", "1.7976931348623157e308",
  "333333333.33333329", "1e23", "9.999999999999999e22", "4.35", "2e-3", "123.456e5", "0e5",
  "295147905179352830000.0", "0.1e-6", "20.0e-1", "999999999999999900000.0", "1e-323",
]; // biome-ignore format: a table
const BAD_NUMBERS = [
  "9007199254740992",
  "-9007199254740993",
  "1e400",
  "-1e309",
  "1e-400",
  "12345678901234567890",
];

const STRINGS = [
  "", "a", "word", "two words", "1", "1.0", "1.10", "007", "0x1F", "0o17", "1_000", ".5", ".inf", "1e3", "+1",
  "yes", "No", "on", "~", "null", "true", "False", "2026-01-01", "12:30", "<<", "=", "-", "- a", "a: b", "a:",
  "# c", "a # c", "&a", "*a", "!t", "%d", "@a", "`a", "{a}", "[a]", "{", "]", ",", "a,b", "?", "? a", "|", ">",
  " lead", "trail ", "\ttab", "a\tb", "new\nline", "end\n", "two\n\nlines\n", "\n", "a\r\nb", "\r", "'", "''", '"', 'it\'s "x"',
  "\\", "\\n", "C:\\x", "/", "</script>", "\u0000", "\u0001", "\u001f", "\b\f", "\u007f", "\u0080", "\u0085", "\u009f", "\u00a0",
  "\u2028", "\u2029", "\ufeff", "\ufffd", "\uff5e", "é", "e\u0301", "\u212b", "日本語", "\u{1f600}", "\u{10ffff}", "a\u{1d11e}b",
  "---", "...", "--- a", "x".repeat(200), "word ".repeat(40).trim(), "__proto__", "constructor",
  "line one\nline two\n  indented\nlast", "sha256:x", "{in:raw}", "{out}", "%20", "\u200b", "\u202e",
]; // biome-ignore format: a table

const KEYS = [
  "a", "b", "A", "Z", "aa", "a.b", "a b", "1", "10", "2", "01", "-1", "1.0", "true", "null", "yes", "~", "é", "e\u0301", "日",
  "\uff5e", "\u{1f600}", "\ue000", "\ufb33", "\u20ac", "\u0080", "\r", "__proto__", "constructor", "toString", "length", "<script>",
  "'", '"', "\\", "#", "a#b", "- x", "k: v", "$ref", "<<", "*", "&", "!", "",
]; // biome-ignore format: a table

/** A number literal: from a table of tricky ones, or a random double or integer in some spelling. */
function randomNumber(random: Random): WrittenNumber {
  switch (random.below(4)) {
    case 0:
      return new WrittenNumber(String(random.below(100_000) - 50_000));
    case 1:
      return new WrittenNumber(spelled(randomDouble(random), random));
    default:
      return new WrittenNumber(random.pick(NUMBERS));
  }
}

/** A number that no contract may hold. */
export function badNumber(random: Random): WrittenNumber {
  return new WrittenNumber(random.pick(BAD_NUMBERS));
}

function randomDouble(random: Random): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, random.bits());
  view.setUint32(4, random.bits());
  if (random.oneIn(2))
    view.setUint16(
      0,
      (random.below(2) << 15) | (random.pick([1021, 1023, 1043, 1090, 1095, 1002, 990]) << 4),
    );
  const value = view.getFloat64(0);
  return Number.isFinite(value) ? value : 0.5;
}

function spelled(value: number, random: Random): string {
  const texts = [
    value.toExponential(),
    value.toExponential(17),
    value.toPrecision(17),
    String(value),
  ];
  const text = random.pick(texts);
  // Without a point or an exponent the literal would be judged as an integer.
  return /[.e]/.test(text) ? text : `${text}.0`;
}

export function randomString(random: Random): string {
  return random.oneIn(3)
    ? random.times(random.below(6), () => random.pick(STRINGS)).join("")
    : random.pick(STRINGS);
}

/** A string that may stand outside `params` and `value`: never empty. */
export function randomLabel(random: Random): string {
  return randomString(random) || "label";
}

/** Any JSON value of depth up to `depth`. */
export function randomValue(random: Random, depth: number): WrittenValue {
  const kind = random.below(depth > 0 ? 7 : 4);
  if (kind === 0) return random.pick([null, true, false]);
  if (kind === 1) return randomNumber(random);
  if (kind <= 3) return randomString(random);
  if (kind <= 5) return randomObject(random, depth - 1);
  return random.times(random.below(4), () => randomValue(random, depth - 1));
}

/** An object with 0 to 5 keys in random order. */
export function randomObject(random: Random, depth: number): WrittenObject {
  const keys = random.shuffle(KEYS).slice(0, random.below(6));
  return new WrittenObject(keys.map((key) => [key, randomValue(random, depth)]));
}
