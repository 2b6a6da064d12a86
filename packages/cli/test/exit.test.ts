import { CtxPackError } from "@ctxpack/client";
import { expect, test } from "vitest";
import { CommandError, EXIT_CODES, failureOf } from "../src/exit.ts";

test("an error raised on purpose keeps code, hint and details", () => {
  const error = new CtxPackError("CTXPACK_E_CONFLICT", "taken", { hint: "h", details: { a: 1 } });
  expect(failureOf(error)).toEqual({
    code: "CTXPACK_E_CONFLICT",
    exitCode: 8,
    message: "taken",
    hint: "h",
    details: { a: 1 },
  });
  expect(failureOf(new CommandError("CTXPACK_E_USAGE", "no")).exitCode).toBe(2);
});

test("what the operating system says has an exit code too", () => {
  const full = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
  expect(failureOf(full)).toMatchObject({ code: "CTXPACK_E_NO_SPACE", exitCode: 10 });
  const denied = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
  expect(failureOf(denied)).toMatchObject({ code: "CTXPACK_E_PERMISSION", exitCode: 4 });
});

test("anything else is a bug", () => {
  for (const error of [new TypeError("x is undefined"), "text", undefined, null, { code: 7 }]) {
    expect(failureOf(error)).toMatchObject({ code: "CTXPACK_E_INTERNAL", exitCode: 70 });
  }
  expect(failureOf({ code: "toString", message: "m" }).exitCode).toBe(70);
});

test("exit codes are the frozen ones", () => {
  expect([...new Set(Object.values(EXIT_CODES))].sort((a, b) => a - b)).toEqual([
    2, 3, 4, 5, 6, 7, 8, 9, 10, 125,
  ]);
});

test("after a command has run its own exit code counts, and 125 when it had succeeded", () => {
  const error = (exitCode: number) =>
    Object.assign(new Error("late"), {
      code: "CTXPACK_E_UNAVAILABLE",
      details: { child: { exitCode, durationMs: 1 } },
    });
  expect(failureOf(error(0))).toMatchObject({ exitCode: 125, child: { exitCode: 0 } });
  expect(failureOf(error(137))).toMatchObject({ exitCode: 137, code: "CTXPACK_E_UNAVAILABLE" });
  const bug = Object.assign(new TypeError("bug"), { details: { child: { exitCode: 0 } } });
  expect(failureOf(bug)).toMatchObject({ exitCode: 125, code: "CTXPACK_E_INTERNAL" });
});
