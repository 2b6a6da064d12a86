import { expect, test } from "vitest";
import { closest } from "../src/closest.ts";

const commands = ["push", "pull", "pin", "inspect", "id"];

test("finds what was meant, and nothing where nothing is near", () => {
  expect(closest("psuh", commands)).toBe("push");
  expect(closest("pul", commands)).toBe("pull");
  expect(closest("inspct", commands)).toBe("inspect");
  expect(closest("bananas", commands)).toBeUndefined();
  expect(closest("", commands)).toBeUndefined();
  expect(closest("x", commands)).toBeUndefined();
});
