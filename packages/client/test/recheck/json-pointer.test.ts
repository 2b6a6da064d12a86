import { expect, test } from "vitest";
import { firstPointer, jsonFormOf } from "../../src/recheck/json-pointer.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each([
  ['{"a":[1,2,{"b":3}]}', '{"a":[1,2,{"b":4}]}', "/a/2/b"],
  ['{"a/b":1,"c~d":2}', '{"a/b":1,"c~d":3}', "/c~0d"],
  ["[1,2]", "[1,2,3]", "/2"],
  ["[1,2,3]", "[1]", "/1"],
  ['{"a":1}', '{"b":1}', "/a"],
  ['{"a":1}', '{"a":1,"b":1}', "/b"],
  ['{"a":{}}', '{"a":[]}', "/a"],
  ['{"a":null}', '{"a":0}', "/a"],
  ["1", "2", ""],
  ['{"__proto__":1}', '{"__proto__":2}', "/__proto__"],
  ['{"a":1, "b":2}', '{"b":2,"a":1}', undefined],
  ["{", '{"a":1}', undefined],
])("%s and %s: %s", (a, b, pointer) => {
  expect(firstPointer(bytes(a), bytes(b), "value")).toBe(pointer);
});

test("lines are the items of an array", () => {
  const lines = (a: string, b: string) => firstPointer(bytes(a), bytes(b), "lines");
  expect(lines('{"a":1}\n{"a":2}\n', '{"a":1}\n{"a":3}\n')).toBe("/1/a");
  expect(lines('{"a":1}\n', '{"a":1}\n{"a":3}\n')).toBe("/1");
  expect(lines('{"a":1}\nnot json\n', '{"a":1}\nno json\n')).toBeUndefined();
});

test("what is no UTF-8, and what nests too deeply, is no JSON", () => {
  expect(firstPointer(Uint8Array.of(0xff), bytes("1"), "value")).toBeUndefined();
  const deep = (end: string) => bytes("[".repeat(200_000) + end + "]".repeat(200_000));
  expect(firstPointer(deep("1"), deep("2"), "value")).toBeUndefined();
});

test("names say what holds JSON", () => {
  expect(
    ["a.json", "A.JSON", "x.sarif", "b.jsonl", "c.ndjson", "d.txt", "json"].map(jsonFormOf),
  ).toEqual(["value", "value", "value", "lines", "lines", undefined, undefined]);
});
