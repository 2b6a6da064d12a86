import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, finish, result, run, scratch, start } from "./run.ts";

cleanUp();

/** An output large enough that a signal sent at the first progress event comes in the middle. */
function project(): string {
  const cwd = scratch();
  mkdirSync(join(cwd, "out"));
  for (let i = 0; i < 24; i++) {
    const bytes = new Uint8Array(4_000_000);
    for (let at = 0; at < bytes.length; at += 65_536) {
      crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, bytes.length)));
    }
    writeFileSync(join(cwd, `out/${i}`), bytes);
  }
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"t"}]}');
  return cwd;
}

const args = ["seed", "out", "--contract", "c.json", "--json", "--progress"];

test.for([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s stops with %i, and the next run completes", async ([signal, code]) => {
  const cwd = project();
  const child = start(args, { cwd });
  child.stdout?.once("data", () => child.kill(signal));
  const done = await finish(child);
  expect(done.code).toBe(code);
  expect(done.stderr).toBe("interrupted\n");
  expect(done.stdout).not.toContain('"uri"');
  expect(await result(["ls", "--plain"], { cwd })).toBe("");
  const again = await run(args, { cwd });
  expect(again.code).toBe(0);
  const lines = again.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.slice(0, -1).every(({ event }) => event === "progress")).toBe(true);
  expect(lines.at(-1)).toMatchObject({ schemaVersion: 1, created: true, files: 24 });
  expect(readdirSync(cwd).sort()).toEqual(["c.json", "out", "store"]);
});

test("a second signal ends at once", async () => {
  const cwd = project();
  const child = start(args, { cwd });
  child.stdout?.once("data", () => {
    child.kill("SIGINT");
    child.kill("SIGINT");
  });
  expect((await finish(child)).code).toBe(130);
});
