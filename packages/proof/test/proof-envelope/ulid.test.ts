import { expect, it } from "vitest";
import { ulid } from "../../src/proof-envelope/ulid.ts";

it("begins with the time of the specification's example, and is never twice the same", () => {
  const time = new Date(1469922850259);
  const ids = Array.from({ length: 1000 }, () => ulid(time));
  for (const id of ids) expect(id).toMatch(/^01ARZ3NDEK[0-9A-HJKMNP-TV-Z]{16}$/);
  expect(new Set(ids).size).toBe(1000);
  expect(ulid(new Date(time.getTime() + 1)) > (ids[0] as string)).toBe(true);
});
