import { expect, test } from "vitest";
import { formatBytes, formatSeconds, formatTable, plural } from "../src/format.ts";

test("sizes keep three digits or so and never round up to 1000 of a unit", () => {
  expect([0, 999, 1000, 17_234_567, 99_950_000, 999_600, 5e12].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "17.2 MB",
    "100 MB",
    "1.0 MB",
    "5.0 TB",
  ]);
});

test("times", () => {
  expect([0.004, 9.99, 9.996, 59.4, 185].map(formatSeconds)).toEqual([
    "0.00 s",
    "9.99 s",
    "10 s",
    "59 s",
    "3 min 5 s",
  ]);
});

test("counts and tables", () => {
  expect(plural(1, "file")).toBe("1 file");
  expect(plural(1234, "file")).toBe("1,234 files");
  expect(
    formatTable([
      ["a", "bbb", "c"],
      ["aa", "b", ""],
    ]),
  ).toBe("a   bbb  c\naa  b    ");
});
