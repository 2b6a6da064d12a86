import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, finish, result, run, start } from "../run.ts";
import { isClaimed, JOIN, project, runsOf, until } from "./project.ts";

cleanUp();

const contract = ["run", "--contract", "c.json"];
const recheck = ["recheck", "c.json"];

/** A script that writes to the place it is given. */
const NAMED = 'echo x >> runs; mkdir "$0" && cat docs/* > "$0/all"';

function named(script: string): Record<string, unknown> {
  return { command: ["sh", "-c", script, "{out}"] };
}

test("the same: nothing of the user's or the store's is touched, and it is remembered", async () => {
  const cwd = project("", named(NAMED));
  const uri = await result(contract, { cwd });
  writeFileSync(join(cwd, "out/mine"), "mine");
  const before = statSync(join(cwd, "out/all"));
  const done = await run([...recheck, "-n", "2", "--exit-code"], { cwd });
  expect(done).toMatchObject({ code: 0, stdout: `${uri} is the same, 2 runs\n` });
  expect(done.stderr).toMatch(/^run 1 of 2: the same, .*\nrun 2 of 2: the same, .*\n$/);
  expect(runsOf(cwd)).toBe(3);
  expect(statSync(join(cwd, "out/all"))).toEqual(before);
  expect(readdirSync(join(cwd, "out"))).toEqual(["all", "mine"]);
  expect(existsSync(join(cwd, "store/trash"))).toBe(false);
  expect(readdirSync(join(cwd, "store/claims"))).toEqual([]);
  const inspected = await result(["inspect", uri], { cwd });
  expect(inspected).toMatch(/^rechecked +the same 2 times, last 20/m);
});

test("another output: which files, which byte, which value; inspect says so from then on", async () => {
  const script =
    'mkdir "$0"; N=$(wc -l < n); echo x >> n; echo same > "$0/same"; printf "{\\"a\\":[1,{\\"n\\":$N}]}" > "$0/r.json";' +
    ' printf "0123456789$N" > "$0/t.txt"; echo "{}" > "$0/only-$N"; printf "{}\\n{\\"k\\":$N}\\n" > "$0/l.jsonl"';
  const cwd = project("", named(script));
  writeFileSync(join(cwd, "n"), "");
  const uri = await result(contract, { cwd });
  const path = await result(["pull", uri], { cwd });
  const done = await run([...recheck, "--exit-code"], { cwd });
  expect(done.code).toBe(1);
  expect(done.stdout.split("\n")).toEqual([
    `${uri} is not deterministic: another output in 1 of 1 run`,
    "run 1",
    "  ~ l.jsonl  /1/k, byte 8",
    "  - only-0",
    "  + only-1",
    "  ~ r.json  /a/1/n, byte 13",
    "  ~ t.txt  byte 10",
    "",
  ]);
  // The stored output is what it was.
  expect(readFileSync(join(path, "t.txt"), "utf8")).toBe("01234567890");
  expect(await result(["pull", uri, "--verify"], { cwd })).toBe(path);
  expect((await run(recheck, { cwd })).code).toBe(0);
  const json = JSON.parse(await result([...recheck, "--json"], { cwd }));
  expect(json).toMatchObject({ uri, source: "store", different: true, known: { runs: 3 } });
  expect(json.runs[0].outputs[0]).toEqual({
    path: "l.jsonl",
    kind: "changed",
    byte: 8,
    pointer: "/1/k",
  });
  const inspected = await result(["inspect", uri], { cwd });
  expect(inspected).toMatch(
    /NOT DETERMINISTIC: another output 3 of 3 times, .*: l.jsonl, only-0, /,
  );
  const plain = await result([...recheck, "--plain"], { cwd });
  expect(plain.split("\n")[0]).toBe("1\tdifferent\tchanged\tl.jsonl\t8\t/1/k");
});

test("a command that names its output itself: what is there is moved away, and back", async () => {
  const cwd = project(`${JOIN}; printf %s "$(wc -l < runs)" > out/n`);
  await result(contract, { cwd });
  writeFileSync(join(cwd, "out/mine"), "mine");
  const done = await run(recheck, { cwd });
  expect(done.stdout).toContain("~ n  byte 0");
  expect(done.stderr).toContain("is moved away while the command runs, and put back");
  expect(readFileSync(join(cwd, "out/mine"), "utf8")).toBe("mine");
  expect(readFileSync(join(cwd, "out/n"), "utf8")).toBe("1");
  expect(readdirSync(join(cwd, "store/trash"))).toEqual([]);
  rmSync(join(cwd, "out"), { recursive: true });
  await result(recheck, { cwd });
  expect(existsSync(join(cwd, "out"))).toBe(false);
});

test("several outputs, one of them named, and one a file", async () => {
  const script = 'mkdir -p "$(dirname "$0")" c; echo 1 > "$0"; echo 2 > c/two; echo x >> runs';
  const cwd = project("", {
    command: ["sh", "-c", script, "{out:one}"],
    outputs: [{ path: "a/one.txt", name: "one" }, { path: "c/two" }],
  });
  await result(contract, { cwd });
  const before = statSync(join(cwd, "a/one.txt"));
  expect((await run([...recheck, "--exit-code"], { cwd })).code).toBe(0);
  expect(statSync(join(cwd, "a/one.txt"))).toEqual(before);
  expect(readFileSync(join(cwd, "c/two"), "utf8")).toBe("2\n");
  expect(runsOf(cwd)).toBe(2);
});

test("a failing command: its exit code, and everything is as it was", async () => {
  const cwd = project(`${JOIN}; exit "$(cat code)"`);
  writeFileSync(join(cwd, "code"), "0");
  const uri = await result(contract, { cwd });
  writeFileSync(join(cwd, "code"), "7");
  const failed = await run([...recheck, "--json"], { cwd });
  expect(failed.code).toBe(7);
  expect(JSON.parse(failed.stdout)).toMatchObject({
    error: { code: "CTXPACK_E_COMMAND" },
    child: { exitCode: 7 },
  });
  expect(readFileSync(join(cwd, "out/all"), "utf8")).toBe("a\nb\n");
  expect(await result(["inspect", uri], { cwd })).not.toContain("rechecked");
});

test("inputs that change meanwhile, and an output that is missing: 125, nothing is remembered", async () => {
  const cwd = project("", named(`${NAMED}; sh ./more.sh "$0"`));
  writeFileSync(join(cwd, "more.sh"), "");
  const uri = await result(contract, { cwd });
  for (const more of ["sleep 0.05; echo z >> docs/a", 'rm -r "$1"']) {
    writeFileSync(join(cwd, "more.sh"), more);
    const done = await run(recheck, { cwd });
    expect([more, done.code]).toEqual([more, 125]);
    writeFileSync(join(cwd, "docs/a"), "a\n");
  }
  expect(await result(["inspect", uri], { cwd })).not.toContain("rechecked");
});

test("interrupted: the command ends, the outputs are back, and what is known stays", async () => {
  const cwd = project(`${JOIN}; test "$(wc -l < runs)" -lt 3 || { touch waiting; sleep 60; }`);
  const uri = await result(contract, { cwd });
  const child = start([...recheck, "-n", "5"], { cwd });
  await until(() => existsSync(join(cwd, "waiting")));
  child.kill("SIGINT");
  expect((await finish(child)).code).toBe(130);
  expect(readFileSync(join(cwd, "out/all"), "utf8")).toBe("a\nb\n");
  expect(readdirSync(join(cwd, "store/claims"))).toEqual([]);
  expect(await result(["inspect", uri], { cwd })).toMatch(/rechecked +the same 1 time,/);
});

test("killed: the next one ends what is left of it, and goes on", async () => {
  const script = `${NAMED}; echo $$ > pid; test "$(wc -l < runs)" -ne 2 || { touch waiting; sleep 60; }`;
  const cwd = project("", named(script));
  await result(contract, { cwd });
  const child = start(recheck, { cwd });
  await until(() => existsSync(join(cwd, "waiting")));
  const pid = readFileSync(join(cwd, "pid"), "utf8").trim();
  await until(() => isClaimed(cwd, pid));
  child.kill("SIGKILL");
  await finish(child);
  await until(() => stateOf(pid) === "S");
  expect((await run([...recheck, "--exit-code"], { cwd })).code).toBe(0);
  // Gone, or a zombie that nobody has asked for.
  expect(["", "Z"]).toContain(stateOf(pid));
  expect(runsOf(cwd)).toBe(3);
});

/** The letter the kernel has for the state of a process; nothing for one that is gone. */
function stateOf(pid: string): string {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) ? (/\) (.)/.exec(readFileSync(file, "utf8"))?.[1] ?? "") : "";
}

test("two at once take turns, and both count", async () => {
  const cwd = project("", named(`${NAMED}; sleep 0.5`));
  await result(contract, { cwd });
  const done = await Promise.all([1, 2].map(() => run([...recheck, "--json"], { cwd })));
  expect(done.map(({ code }) => code)).toEqual([0, 0]);
  const known = done.map(({ stdout }) => JSON.parse(stdout).known.runs).sort();
  expect([known, runsOf(cwd)]).toEqual([[1, 2], 3]);
  expect(done.filter(({ stderr }) => /computes it; waiting/.test(stderr))).toHaveLength(1);
});

test("nothing to compare with: 3; a pantry that is believed has something", async () => {
  const cwd = project("", named(NAMED));
  const missing = await run(recheck, { cwd });
  expect(missing).toMatchObject({ code: 3, stdout: "" });
  expect(runsOf(cwd)).toBe(0);
  await result([...contract, "--push", "--to", "oci:pantry"], { cwd });
  const elsewhere = { CTXPACK_CACHE_DIR: join(cwd, "other"), CTXPACK_REGISTRY: "oci:pantry" };
  const done = await result([...recheck, "--json"], { cwd, env: elsewhere });
  expect(JSON.parse(done)).toMatchObject({ source: "oci:pantry", different: false });
});

test("2: what makes no sense", async () => {
  const cwd = project("", named(NAMED));
  await result(contract, { cwd });
  writeFileSync(join(cwd, "none.json"), '{"transforms":[{"tool":"t"}],"outputs":[{"path":"o"}]}');
  for (const args of [
    ["recheck"],
    [...recheck, "-n", "0"],
    [...recheck, "-n", "x"],
    [...recheck, "--", "true"],
    ["recheck", "none.json"],
    ["recheck", "nothing.json"],
  ]) {
    expect([args, (await run(args, { cwd })).code]).toEqual([args, 2]);
  }
  expect(runsOf(cwd)).toBe(1);
});

test("seed and push of another output are 8, and say where it differs", async () => {
  const cwd = project("", { command: ["true"], outputs: [{ path: "out" }] });
  const noise = randomBytes(20_000_000);
  for (const [name, n] of Object.entries({ one: 1, two: 2 })) {
    mkdirSync(join(cwd, name));
    writeFileSync(join(cwd, name, "r.json"), `{"deep":{"n":${n}}}`);
    writeFileSync(join(cwd, name, "large.bin"), Buffer.alloc(2_000_000, n));
    writeFileSync(join(cwd, name, "same"), "same");
    noise[19_000_000] = n;
    writeFileSync(join(cwd, name, "huge.bin"), noise);
  }
  const uri = await result(["seed", "one", "--contract", "c.json"], { cwd });
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  const where = "large.bin (changed: byte 0), r.json (changed: /deep/n, byte 13)";
  const [huge, ...small] = [
    { path: "huge.bin", kind: "changed" },
    { path: "large.bin", kind: "changed", byte: 0 },
    { path: "r.json", kind: "changed", byte: 13, pointer: "/deep/n" },
  ];
  const seeded = await run(["seed", "two", "--contract", "c.json", "--json"], { cwd });
  expect(seeded.code).toBe(8);
  const { error } = JSON.parse(seeded.stdout);
  expect(error.message).toBe(
    `${uri} has another output already: huge.bin (changed: byte 19000000), ${where}`,
  );
  expect(error.details.outputs).toEqual([{ ...huge, byte: 19_000_000 }, ...small]);
  const env = { CTXPACK_CACHE_DIR: join(cwd, "other") };
  await result(["seed", "two", "--contract", "c.json"], { cwd, env });
  const pushed = await run(["push", uri, "--to", "oci:pantry", "--json"], { cwd, env });
  expect(pushed.code).toBe(8);
  const conflict = JSON.parse(pushed.stdout).error;
  // To say where 20 MB differ would take as many.
  const said = `huge.bin (changed), ${where}`;
  expect(conflict.message).toBe(`oci:pantry holds another output of ${uri}: ${said}`);
  expect(conflict.details).toMatchObject({ differences: 3 });
  expect(conflict.details.outputs).toEqual([huge, ...small]);
  // What was fetched to say so is not in the store.
  expect(await result(["ls", "--plain"], { cwd, env })).toContain(uri);
  expect(await result(["fsck", "--deep"], { cwd, env })).toBeDefined();
});
