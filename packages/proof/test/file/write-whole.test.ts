import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { busyRenames } from "@ctxpack/test-tools";
import { expect, it } from "vitest";
import { writeWhole } from "../../src/file/write-whole.ts";
import { workplace } from "../workplace.ts";

const place = workplace();

it("waits on Windows for who looks at the file, however they hold it", async () => {
  const folder = await place();
  using busy = busyRenames("EACCES");
  await writeWhole(join(folder, "file"), "whole");
  expect(busy.refused).toHaveLength(1);
  expect(readdirSync(folder)).toEqual(["file"]);
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("whole");
});
