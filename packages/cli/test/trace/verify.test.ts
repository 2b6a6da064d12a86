// Where a file comes from: told by its bytes, and a file of a run's name with other bytes is an alarm.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, run, scratch } from "../run.ts";
import { packLog } from "./logs.ts";

cleanUp();

/** A run with a nested output, and that output on disk. */
async function produced() {
  const cwd = scratch();
  const uri = await packLog(cwd, {
    inputs: { "a.txt": "alpha\n" },
    outputs: { "handlers/user.go": "package handlers\n", "other/user.go": "package other\n" },
  });
  mkdirSync(join(cwd, "handlers"));
  writeFileSync(join(cwd, "handlers/user.go"), "package handlers\n");
  return { cwd, uri };
}

test("8: a nested artifact that was changed is exit 5, and names what it should be", async () => {
  const { cwd, uri } = await produced();
  const whole = await run(["trace", "verify", "handlers/user.go"], { cwd });
  expect(whole).toMatchObject({ code: 0, stdout: `handlers/user.go: produced by ${uri}\n` });
  expect(whole.stderr).toContain("who recorded this was not checked");

  writeFileSync(join(cwd, "handlers/user.go"), "package handlers // evil\n");
  const changed = await run(["trace", "verify", "handlers/user.go"], { cwd });
  expect(changed.code).toBe(5);
  expect(changed.stdout).toMatch(
    new RegExp(
      `^handlers/user.go: modified; ${uri} wrote handlers/user.go with other bytes, sha256:`,
    ),
  );
  const json = await run(["trace", "verify", join(cwd, "handlers/user.go"), "--json"], { cwd });
  expect(json.code).toBe(5);
  expect(JSON.parse(json.stdout)).toMatchObject({ verdict: "modified", run: { uri } });
});

test("9: a renamed artifact is still its run's; what no run wrote is exit 3", async () => {
  const { cwd, uri } = await produced();
  mkdirSync(join(cwd, "elsewhere"));
  copyFileSync(join(cwd, "handlers/user.go"), join(cwd, "elsewhere/renamed.txt"));
  expect(await run(["trace", "verify", "elsewhere/renamed.txt"], { cwd })).toMatchObject({
    code: 0,
    stdout: `elsewhere/renamed.txt: produced as handlers/user.go by ${uri}\n`,
  });
  // The same name under another folder is another file.
  writeFileSync(join(cwd, "user.go"), "package main\n");
  expect(await run(["trace", "verify", "user.go"], { cwd })).toMatchObject({ code: 3 });
  writeFileSync(join(cwd, "a.txt"), "alpha\n");
  const input = await run(["trace", "verify", "a.txt"], { cwd });
  expect(input).toMatchObject({ code: 3, stdout: expect.stringContaining("read it as a.txt") });
  writeFileSync(join(cwd, "new.txt"), "nobody's\n");
  expect(await run(["trace", "verify", "new.txt"], { cwd })).toMatchObject({
    code: 3,
    stdout: expect.stringContaining("unknown"),
  });
  expect(await run(["trace", "verify", "missing.txt"], { cwd })).toMatchObject({ code: 2 });
});
