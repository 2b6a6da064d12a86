import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run, scratch } from "../run.ts";
import { JOIN, project, runsOf, writeContract } from "./project.ts";

cleanUp();

const contract = ["run", "--contract", "c.json"];

test("a miss computes, a hit puts the output in place, and stdout is the URI", async () => {
  const cwd = project(`${JOIN}; echo said; echo err >&2; chmod 755 out/all`);
  const uri = await result(["id", "c.json"], { cwd });
  const miss = await run(contract, { cwd });
  expect(miss).toMatchObject({ code: 0, stdout: `${uri}\n` });
  expect(miss.stderr).toMatch(
    /^miss ctx:.*\n {2}no contract like it is known\nsaid\nerr\n|err\nsaid\n/,
  );
  expect(miss.stderr).toMatch(/computed in .*: 1 file, 4 B\n$/);
  rmSync(join(cwd, "out"), { recursive: true });
  const hit = await run(contract, { cwd });
  expect(hit).toMatchObject({ code: 0, stdout: `${uri}\n` });
  expect(hit.stderr).toMatch(/^hit: 1 file, 4 B, .* saved\n$/);
  expect(runsOf(cwd)).toBe(1);
  const placed = lstatSync(join(cwd, "out/all"));
  expect(readFileSync(join(cwd, "out/all"), "utf8")).toBe("a\nb\n");
  // The user's own, to change at will.
  expect([placed.nlink, placed.mode & 0o700]).toEqual([1, 0o700]);
  writeFileSync(join(cwd, "out/all"), "changed");
  const path = await result(["pull", uri, "--verify"], { cwd });
  expect(readFileSync(join(path, "all"), "utf8")).toBe("a\nb\n");
});

test("a hit leaves what is right already, and moves anything else to the trash", async () => {
  const cwd = project(JOIN);
  await result(contract, { cwd });
  const before = statSync(join(cwd, "out/all"));
  expect((await run(contract, { cwd })).stderr).not.toContain("kept for a day");
  expect(statSync(join(cwd, "out/all"))).toEqual(before);
  writeFileSync(join(cwd, "out/mine"), "mine");
  const hit = await run(contract, { cwd });
  const moved = /^what was at (.*) is kept for a day: (.*)$/m.exec(hit.stderr);
  expect(moved?.[1]).toBe(join(cwd, "out"));
  expect(readFileSync(join(moved?.[2] ?? "", "mine"), "utf8")).toBe("mine");
  expect(readdirSync(join(cwd, "out"))).toEqual(["all"]);
  expect(runsOf(cwd)).toBe(1);
});

test("a result never holds files of an earlier one", async () => {
  const cwd = project("mkdir -p out; cat docs/* > out/$(cat docs/a)");
  await result(contract, { cwd });
  writeFileSync(join(cwd, "docs/a"), "z\n");
  await result(contract, { cwd });
  expect(readdirSync(join(cwd, "out"))).toEqual(["z"]);
});

test("several outputs lie in the pack by name, and are put where they were", async () => {
  const outputs = [{ path: "a/one.txt" }, { path: "b/two/", name: "deux" }, { path: "c/three" }];
  const script = "echo 1 > a/one.txt; mkdir b/two c/three; echo 2 > b/two/f; echo x >> runs";
  const cwd = project(script, { outputs });
  const uri = await result(contract, { cwd });
  const entries = (await result(["ls", uri, "--plain"], { cwd })).split("\n");
  const paths = entries.map((line) => line.split("\t")[2]);
  expect(paths).toEqual(["deux/f", "one.txt", "three"]);
  for (const name of ["a", "b", "c"]) rmSync(join(cwd, name), { recursive: true });
  await result(contract, { cwd });
  expect(runsOf(cwd)).toBe(1);
  expect(readFileSync(join(cwd, "a/one.txt"), "utf8")).toBe("1\n");
  expect(readFileSync(join(cwd, "b/two/f"), "utf8")).toBe("2\n");
  expect(readdirSync(join(cwd, "c/three"))).toEqual([]);
});

test("one output that is a file", async () => {
  const cwd = project("cat docs/* > sum.txt; echo x >> runs", { outputs: [{ path: "sum.txt" }] });
  const uri = await result(contract, { cwd });
  expect(await result(["cat", uri, "sum.txt"], { cwd })).toBe("a\nb");
  rmSync(join(cwd, "sum.txt"));
  await result(contract, { cwd });
  expect([runsOf(cwd), readFileSync(join(cwd, "sum.txt"), "utf8")]).toEqual([1, "a\nb\n"]);
});

test("a folder with a file of its own name is told apart from the file by a slash", async () => {
  const script = "mkdir all; echo 1 > all/all; echo x >> runs";
  const cwd = project(script, { outputs: [{ path: "all" }] });
  const unclear = await run(contract, { cwd });
  expect(unclear).toMatchObject({ code: 125, stdout: "" });
  expect(unclear.stderr).toContain("with a slash behind it");
  writeContract(cwd, script, { outputs: [{ path: "all/" }] });
  await result(contract, { cwd });
  rmSync(join(cwd, "all"), { recursive: true });
  await result(contract, { cwd });
  expect([runsOf(cwd), readFileSync(join(cwd, "all/all"), "utf8")]).toEqual([2, "1\n"]);
});

test("the command runs in the contract's folder with exactly the variables of the contract", async () => {
  const script =
    'process.stdout.write(JSON.stringify([process.cwd(), process.env])); require("fs").mkdirSync("out")';
  const cwd = project("", {
    command: [process.execPath, "-e", script],
    transforms: [{ tool: "node", env: ["REGION", "UNSET"] }],
    pass_env: ["TOKEN", "TZ"],
  });
  const env = { REGION: "eu", TOKEN: "hidden", OTHER: "no", TZ: "Europe/Paris", TMPDIR: "/tmp" };
  const elsewhere = scratch();
  const args = ["run", "--contract", join(cwd, "c.json"), "--stdout", "child"];
  const store = join(elsewhere, "store");
  const done = await run(args, { cwd: elsewhere, env });
  expect(done.code).toBe(0);
  expect(JSON.parse(done.stdout)).toEqual([
    cwd,
    {
      PATH: process.env["PATH"],
      HOME: elsewhere,
      TMPDIR: "/tmp",
      LANG: "C.UTF-8",
      TZ: "Europe/Paris",
      REGION: "eu",
      TOKEN: "hidden",
    },
  ]);
  // A value is in the log only because the command printed it, and nowhere else.
  const held = spawnSync("grep", ["-rl", "hidden", store], { encoding: "utf8" });
  expect(
    held.stdout
      .trim()
      .split("\n")
      .every((path) => path.includes("/logs/")),
  ).toBe(true);
  const uri = await result(["id", join(cwd, "c.json")], { cwd: elsewhere, env });
  expect(
    await result(["id", join(cwd, "c.json")], { cwd: elsewhere, env: { ...env, TOKEN: "x" } }),
  ).toBe(uri);
  expect(await result(["id", join(cwd, "c.json")], { cwd: elsewhere })).not.toBe(uri);
});

test("the log of a run is kept, and can be shown for a hit", async () => {
  const cwd = project(`${JOIN}; printf 'to out'; printf 'to err' >&2`);
  const passed = await run([...contract, "--stdout=child"], { cwd });
  expect(passed.stdout).toBe("to out");
  const again = await run([...contract, "--stdout=child"], { cwd });
  expect(again.stdout).toBe("to out");
  expect(again.stderr).not.toContain("to err");
  const shown = await run([...contract, "--log"], { cwd });
  expect(shown.stderr).toContain("to outto err");
  expect(runsOf(cwd)).toBe(1);
});

test("without a contract the flags are it, and --save writes it", async () => {
  const cwd = project("");
  const flags = ["--in", "docs", "--tool", "sh@1", "--param", "chunk=512", "--param", "v=1.10"];
  const more = ["--env", "REGION", "--code", "docs/a", "--out", "sum.txt", "--save", "made.yaml"];
  const command = ["--", "sh", "-c", 'echo x >> runs; cat "$0"/* > "$1"', "{in}", "{out}"];
  const env = { REGION: "eu" };
  const uri = await result(["run", ...flags, ...more, ...command], { cwd, env });
  expect(await result(["id", "made.yaml"], { cwd, env })).toBe(uri);
  expect(await result(["run", "--contract", "made.yaml"], { cwd, env })).toBe(uri);
  expect(runsOf(cwd)).toBe(1);
  expect(readFileSync(join(cwd, "sum.txt"), "utf8")).toBe("a\nb\n");
  const other = await result(["run", ...flags, ...more.slice(0, 6), ...command], { cwd });
  expect(other).not.toBe(uri);
});

test("the output of another contract is an input", async () => {
  const cwd = project(JOIN);
  const first = await result(contract, { cwd });
  const second = {
    inputs: [{ name: "joined", pack: first }],
    command: ["sh", "-c", 'wc -l < "$0/all" > count', "{in:joined}"],
    transforms: [{ tool: "wc" }],
    outputs: [{ path: "count" }],
  };
  writeFileSync(join(cwd, "second.json"), JSON.stringify(second));
  await result(["run", "--contract", "second.json"], { cwd });
  expect(readFileSync(join(cwd, "count"), "utf8").trim()).toBe("2");
});

test("--json says what happened", async () => {
  const cwd = project(`${JOIN}; exit "$(cat code)"`);
  writeFileSync(join(cwd, "code"), "3");
  const failed = await run([...contract, "--json"], { cwd });
  expect(failed.code).toBe(3);
  expect(JSON.parse(failed.stdout)).toMatchObject({
    schemaVersion: 1,
    error: { code: "CTXPACK_E_COMMAND", message: "sh -c ended with exit code 3" },
    child: { exitCode: 3 },
  });
  writeFileSync(join(cwd, "code"), "0");
  const miss = JSON.parse(await result([...contract, "--json"], { cwd }));
  expect(miss).toMatchObject({
    hit: false,
    source: "computed",
    error: null,
    child: { exitCode: 0 },
  });
  expect(miss.outputs).toEqual([join(cwd, "out")]);
  const hit = JSON.parse(await result([...contract, "--json"], { cwd }));
  expect(hit).toMatchObject({ uri: miss.uri, tree: miss.tree, hit: true, source: "store" });
  expect(hit).toMatchObject({ child: { exitCode: null }, durationMs: miss.durationMs });
  rmSync(join(cwd, "docs"), { recursive: true });
  const broken = await run([...contract, "--json"], { cwd });
  expect(broken.code).toBe(2);
  expect(JSON.parse(broken.stdout)).toMatchObject({
    error: { code: "CTXPACK_E_PATH_NOT_FOUND" },
    child: { exitCode: null },
  });
});

test("2: what makes no sense is said before anything is moved or run", async () => {
  const cwd = project(JOIN, { name: "n" });
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/mine"), "mine");
  const adHoc = ["run", "--tool", "t"];
  const plain = { transforms: [{ tool: "t" }], outputs: [{ path: "out" }] };
  writeFileSync(join(cwd, "plain.json"), JSON.stringify(plain));
  writeFileSync(join(cwd, "none.json"), '{"transforms":[{"tool":"t"}]}');
  for (const args of [
    [...contract, "--", "true"],
    ["run", "--contract", "plain.json"],
    ["run", "--contract", "none.json", "--", "true"],
    [...contract, "--param", "a=1"],
    [...contract, "--save", "x.json"],
    [...contract, "--frozen", "--force"],
    [...contract, "--to", "oci:p"],
    [...contract, "--push"],
    [...contract, "--push", "--to", "oci-archive:p.tar"],
    [...contract, "--require-remote"],
    [...contract, "--cache", "local"],
    [...contract, "--cache", "local:x"],
    [...contract, "--cache", "local:r,local:w"],
    [...contract, "--stdout", "both"],
    [...contract, "--stdout", "child", "--json"],
    ["run", "--out", "out", "--", "true"],
    [...adHoc, "--", "true"],
    [...adHoc, "--out", ".", "--", "true"],
    [...adHoc, "--out", "..", "--", "true"],
    [...adHoc, "--out", "/", "--", "true"],
    [...adHoc, "--out", "store", "--", "true"],
    [...adHoc, "--out", "a", "--out", "a/b", "--", "true"],
    [...adHoc, "--out", "docs", "--in", "docs", "--", "true"],
    [...adHoc, "--out", "out", "--in", "a=docs", "--in", "b=docs", "--", "cat", "{in}"],
    [...adHoc, "--out", "out", "--", "cat", "{in:x}"],
    [...adHoc, "--out", "out", "--param", "api_key=1", "--", "true"],
    [...adHoc, "--out", "out"],
  ]) {
    const done = await run(args, { cwd });
    expect([args.join(" "), done.code]).toEqual([args.join(" "), 2]);
  }
  expect(readFileSync(join(cwd, "out/mine"), "utf8")).toBe("mine");
  expect(existsSync(join(cwd, "runs"))).toBe(false);
  expect(await result(["ls", "--plain"], { cwd })).toBe("");
});

test("many hits at once put one whole output in place", async () => {
  const cwd = project(
    `${JOIN}; for i in 1 2 3 4 5 6 7 8 9; do head -c 30000 /dev/urandom > out/$i; done`,
  );
  const uri = await result(contract, { cwd });
  const path = await result(["pull", uri], { cwd });
  writeFileSync(join(cwd, "out/3"), "changed");
  const done = await Promise.all(Array.from({ length: 8 }, () => run(contract, { cwd })));
  expect(done.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual(done.map(() => 0));
  expect(spawnSync("diff", ["-r", path, join(cwd, "out")]).status).toBe(0);
  expect(readdirSync(cwd).filter((name) => name.startsWith(".ctxpack-"))).toEqual([]);
  expect(runsOf(cwd)).toBe(1);
});

test("a hit in a new version of the project, from a store that may only be read", async () => {
  const cwd = project(JOIN);
  const uri = await result(contract, { cwd });
  rmSync(join(cwd, "out"), { recursive: true });
  expect(await result([...contract, "--cache", "local:r,remote:none"], { cwd })).toBe(uri);
  expect([runsOf(cwd), readFileSync(join(cwd, "out/all"), "utf8")]).toEqual([1, "a\nb\n"]);
});

test("an output that can have no place: the others are as they were", async () => {
  const cwd = project(JOIN, { outputs: [{ path: "out" }, { path: "c.json/file" }] });
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/mine"), "mine");
  const done = await run(contract, { cwd });
  expect(done).toMatchObject({ code: 2, stdout: "" });
  expect(done.stderr).toContain("the output c.json/file cannot lie in");
  expect(readFileSync(join(cwd, "out/mine"), "utf8")).toBe("mine");
  expect(readdirSync(join(cwd, "store/trash"))).toEqual([]);
});
