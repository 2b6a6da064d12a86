// Executing a run's tools again: what agents' file tools did is done again and compared, and nothing gets out.
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run, scratch } from "../run.ts";
import { fixtures, type LogStep, packLog, read, replay, verdicts, write } from "./logs.ts";

cleanUp();

const FILES = ["--mode", "tools", "--tool", "files"];

test("6: the steps that read, edit and write of all three example logs match in a folder with their files", async () => {
  const cwd = scratch();
  const pack = (name: string) =>
    result(["trace", "pack", join(fixtures, `execution-log/${name}.json`)], { cwd });

  const claude = await pack("claude-code");
  // One file that it read is not among its inputs: the folder of the project has it.
  const without = await replay(cwd, claude, ...FILES);
  expect(without).toMatchObject({ code: 11, report: { fidelity: "degraded" } });
  expect(without.report.counts).toEqual({ matched: 4, unavailable: 1, skipped: 2 });
  const shown = await result(["trace", "show", claude, "--step", "2"], { cwd });
  mkdirSync(join(cwd, "project/auth"), { recursive: true });
  writeFileSync(join(cwd, "project/auth/token.go"), shown.split("\nresult:\n")[1] as string);
  const { code, report } = await replay(cwd, claude, ...FILES, "--folder", "project");
  expect(verdicts(report)).toEqual([
    "read_file matched",
    "read_file matched",
    "read_file matched",
    "bash skipped",
    "edit_file matched",
    "read_file matched",
    "bash skipped",
  ]);
  expect(report.outputs).toEqual([expect.objectContaining({ verdict: "matched" })]);
  expect([code, report.fidelity]).toEqual([11, "degraded"]);
  expect(report.environment).toContainEqual(
    expect.objectContaining({ member: "os", expected: "darwin", actual: process.platform }),
  );

  const langchain = await replay(cwd, await pack("langchain"), ...FILES);
  expect(verdicts(langchain.report)).toEqual(["search skipped", "write_file matched"]);
  const crewai = await replay(cwd, await pack("crewai"), ...FILES);
  expect(verdicts(crewai.report)).toEqual([
    "search_web skipped",
    "read_document skipped",
    "write_content matched",
  ]);
  for (const { report: one } of [langchain, crewai]) {
    expect(one.outputs).toEqual([expect.objectContaining({ verdict: "matched" })]);
  }
});

test("7: an empty file that was read empty matches; nothing executed is not exact", async () => {
  const cwd = scratch();
  const uri = await packLog(cwd, { inputs: { "a.txt": "" }, steps: [read("a.txt", "")] });
  expect(await replay(cwd, uri, ...FILES)).toMatchObject({
    code: 0,
    report: { fidelity: "exact", counts: { matched: 1 } },
  });
  expect(await replay(cwd, uri, "--mode", "tools")).toMatchObject({
    code: 3,
    report: { fidelity: "empty", counts: { skipped: 1 } },
  });
  // The other way round: what was empty and is not, differs.
  const other = await packLog(cwd, { inputs: { "a.txt": "x" }, steps: [read("a.txt", "")] });
  expect(await replay(cwd, other, ...FILES)).toMatchObject({ code: 11 });
});

test("14: a run that reads and writes outside is refused, link, device and all", async () => {
  const cwd = scratch();
  const outside = join(cwd, "outside.txt");
  writeFileSync(outside, "secret");
  mkdirSync(join(cwd, "project"));
  symlinkSync(outside, join(cwd, "project/link.txt"));
  symlinkSync("/", join(cwd, "project/root"));
  const paths = [
    "/etc/passwd",
    "/dev/zero",
    "/dev/stdin",
    "/proc/self/environ",
    "../outside.txt",
    "a/../../outside.txt",
    outside,
    "..\\outside.txt",
    "C:\\Windows\\win.ini",
  ];
  const steps = paths.flatMap((path) => [read(path, "secret"), write(path, "pwned")]);
  const uri = await packLog(cwd, { steps });
  const { code, report } = await replay(cwd, uri, ...FILES, "--folder", "project");
  expect(code).toBe(12);
  expect(report.counts).toEqual({ refused: steps.length });
  expect(report.steps.every(({ deed }) => deed === undefined)).toBe(true);
  expect(existsSync(join(cwd, "../outside.txt"))).toBe(false);
  expect(readFileSync(outside, "utf8")).toBe("secret");

  // Links of the folder that was named are not followed: they are not there.
  const linked = await packLog(cwd, {
    steps: [read("link.txt", "secret"), read("root/etc/hostname", "x"), read(".", "x")],
  });
  const { report: links } = await replay(cwd, linked, ...FILES, "--folder", "project");
  expect(links.steps.map(({ verdict }) => verdict)).toEqual([
    "unavailable",
    "unavailable",
    "refused",
  ]);

  // Names of files that a run says it has are its own, whatever they say.
  const named = await packLog(cwd, {
    inputs: { "../../evil.txt": "x", "/etc/cron.d/evil": "x" },
    outputs: { "../evil.txt": "y" },
  });
  expect((await run(["trace", "fork", named, "--to", "fork"], { cwd })).code).toBe(0);
  expect(existsSync(join(cwd, "../evil.txt"))).toBe(false);
  expect(existsSync(join(cwd, "fork/inputs/outside"))).toBe(true);
});

const edit = (path: string, from: string, to: string): LogStep => ({
  tool: "edit_file",
  parameters: { path, old_string: from, new_string: to },
  output: "edited",
});

test("what was executed and could not be compared with anything is not exact", async () => {
  const cwd = scratch();
  mkdirSync(join(cwd, "project"));
  // Not the file that the recorded edit found: only the line that it replaced is the same.
  writeFileSync(join(cwd, "project/a.txt"), "one\nother lines\n");
  const edited = await packLog(cwd, { steps: [edit("a.txt", "one", "two")] });
  const blind = await replay(cwd, edited, ...FILES, "--folder", "project");
  expect(blind).toMatchObject({
    code: 11,
    report: {
      fidelity: "degraded",
      steps: [{ verdict: "unavailable", deed: "executed" }],
    },
  });
  expect(blind.report.steps[0]?.reason).toBe("the record holds no file to compare with");

  // With the output that it led to it is compared; a file that is written whole says itself what it is to hold.
  const steps = [edit("a.txt", "one", "two"), write("b.txt", "beta\n")];
  const inputs = { "a.txt": "one\n" };
  const whole = await packLog(cwd, { inputs, steps, outputs: { "a.txt": "two\n" } });
  expect(await replay(cwd, whole, ...FILES)).toMatchObject({
    code: 0,
    report: { fidelity: "exact", counts: { matched: 2 } },
  });
  const other = await packLog(cwd, { inputs, steps, outputs: { "a.txt": "two\nmore\n" } });
  const differs = await replay(cwd, other, ...FILES);
  expect([differs.code, differs.report.outputs[0]?.verdict]).toEqual([11, "diverged"]);
  // What came before a file was written anew is not seen in it any more.
  const hidden = [edit("a.txt", "one", "two"), write("a.txt", "new\n")];
  const anew = await packLog(cwd, { inputs, steps: hidden, outputs: { "a.txt": "new\n" } });
  expect(verdicts((await replay(cwd, anew, ...FILES)).report)).toEqual([
    "edit_file unavailable",
    "write_file matched",
  ]);
  // An output that is not there at the end is none that was compared.
  const gone = await packLog(cwd, { steps, inputs, outputs: { "a.txt": "two\n", "c.txt": "c" } });
  const missing = await replay(cwd, gone, ...FILES);
  expect([missing.code, missing.report.counts]).toEqual([11, { matched: 2 }]);
});

test("a folder that is mistyped is no bug of ours; one behind a link is a folder", async () => {
  const cwd = scratch();
  mkdirSync(join(cwd, "project"));
  writeFileSync(join(cwd, "project/a.txt"), "alpha\n");
  const uri = await packLog(cwd, { steps: [read("a.txt", "alpha\n")] });
  for (const folder of ["nope", "project/a.txt", "project/a.txt/b"]) {
    const done = await run(["trace", "replay", uri, ...FILES, "--folder", folder], { cwd });
    expect(done, done.stderr).toMatchObject({ code: 2, stdout: "" });
    expect(done.stderr).toContain(join(cwd, folder));
  }
  symlinkSync("project", join(cwd, "link"));
  expect((await replay(cwd, uri, ...FILES, "--folder", "link")).code).toBe(0);
});
