import { CtxPackError } from "@ctxpack/identity";
import { expect, it } from "vitest";
import { diskError } from "../src/disk.ts";

const system = (code: string): Error => Object.assign(new Error(code), { code });

it.each([
  ["ENOSPC", "CTXPACK_E_NO_SPACE"],
  ["EDQUOT", "CTXPACK_E_NO_SPACE"],
  ["EACCES", "CTXPACK_E_PERMISSION"],
  ["EPERM", "CTXPACK_E_PERMISSION"],
  ["EROFS", "CTXPACK_E_PERMISSION"],
  ["ENOENT", "CTXPACK_E_PATH_NOT_FOUND"],
  ["ENOTDIR", "CTXPACK_E_PATH_NOT_FOUND"],
  ["ENAMETOOLONG", "CTXPACK_E_PATH_NOT_FOUND"],
  ["EISDIR", "CTXPACK_E_LAYOUT"],
  ["ENOTEMPTY", "CTXPACK_E_LAYOUT"],
  ["ELOOP", "CTXPACK_E_LAYOUT"],
])("%s becomes %s with the path and the cause", (errno, code) => {
  const cause = system(errno);
  expect(diskError(cause, "/p/x cannot be written", "/p/x")).toMatchObject({
    code,
    cause,
    message: expect.stringContaining("/p/x cannot be written"),
    details: { path: "/p/x", errno },
  });
});

it("lets what is no system error pass", () => {
  for (const error of [
    new CtxPackError("CTXPACK_E_LAYOUT", "x"),
    new Error("a bug"),
    "why",
    null,
  ]) {
    expect(diskError(error, "x", "/p")).toBe(error);
  }
});
