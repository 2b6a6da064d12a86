// Every shape that `--json` prints is the published one, schemas/output.v1.json.
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { CONTRACT_SCHEMA_URI } from "@ctxpack/client";
import { generateKey } from "@ctxpack/proof";
import { expect, test } from "vitest";
import { COMMANDS } from "../src/commands.ts";
import { EXIT_CODES } from "../src/exit.ts";
import { cleanUp, run, scratch } from "./run.ts";

cleanUp();

interface Validator {
  (value: unknown): boolean;
  readonly errors?: unknown;
}

// identity has ajv for its own schema; it is not worth a second dependency.
const require = createRequire(join(import.meta.dirname, "../../identity/package.json"));
const { Ajv2020 } = require("ajv/dist/2020.js") as {
  Ajv2020: new (options: object) => { addSchema(s: object): void; compile(s: object): Validator };
};
const schema = JSON.parse(
  readFileSync(join(import.meta.dirname, "../schemas/output.v1.json"), "utf8"),
);
const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
ajv.addSchema(schema);
// Runs, their comparisons and replays are published with the package that knows them.
for (const name of ["run", "run-diff", "replay"]) {
  const path = join(import.meta.dirname, `../../trace/schemas/${name}.v1.json`);
  ajv.addSchema(JSON.parse(readFileSync(path, "utf8")));
}

function check(name: string, value: unknown): void {
  const validate = ajv.compile({ $ref: `${schema.$id}#/$defs/${encodeURIComponent(name)}` });
  expect(validate(value), `${name}: ${JSON.stringify(validate.errors)}`).toBe(true);
}

test("the schema is named under our origin, and has a shape for every command", () => {
  expect(schema.$id).toBe(new URL("output.v1.json", CONTRACT_SCHEMA_URI).href);
  for (const name of Object.keys(COMMANDS)) {
    if (!["cat", "completion", "mcp", "unpin"].includes(name))
      expect(schema.$defs).toHaveProperty([name]);
  }
});

test("every command prints its published shape", async () => {
  const cwd = scratch();
  mkdirSync(join(cwd, "out/empty"), { recursive: true });
  writeFileSync(join(cwd, "out/a"), "a", { mode: 0o755 });
  symlinkSync("a", join(cwd, "out/link"));
  writeFileSync(join(cwd, "c.json"), '{"name":"n","transforms":[{"tool":"t"}]}');
  writeFileSync(join(cwd, "d.json"), '{"transforms":[{"tool":"t","params":{"x":1}}]}');
  const say = async (name: string, ...args: string[]) => {
    const { stdout, stderr } = await run([...name.split(" "), ...args, "--json"], { cwd });
    const value = JSON.parse(stdout);
    expect(stderr).not.toMatch(/^error/);
    check(name === "unpin" ? "pin" : name, value);
    return value;
  };
  const { uri, manifest: digest } = await say("seed", "out", "--contract", "c.json");
  const other = (await say("seed", "out", "--contract", "d.json")).uri;
  await say("init", "new.yaml");
  await say("id", "c.json");
  await say("id", "c.json", "--explain");
  await say("id", "c.json", "--profile", "v0");
  writeFileSync(
    join(cwd, "r.json"),
    '{"command":["touch","made"],"transforms":[{"tool":"t"}],"outputs":[{"path":"made"}]}',
  );
  await say("run", "--contract", "r.json", "--push", "--to", "oci:p");
  writeFileSync(join(cwd, "made"), "mine");
  await say("run", "--contract", "r.json");
  await sayLines(cwd);
  await say("recheck", "r.json");
  writeFileSync(
    join(cwd, "n.json"),
    JSON.stringify({
      command: ["sh", "-c", 'date +%N > "$0"', "{out}"],
      transforms: [{ tool: "date" }],
      outputs: [{ path: "nanos.json" }],
    }),
  );
  const random = (await say("run", "--contract", "n.json")).uri;
  await say("recheck", "n.json", "-n", "2");
  await say("inspect", random);
  await say("push", uri, "--to", "oci:p");
  await say("push", other, "--to", "oci:p");
  await say("exists", uri, "--from", "oci:p");
  await say("exists", uri.replace(/.{6}$/, "000000"));
  await say("inspect", uri);
  await say("inspect", uri, "--from", "oci:p");
  await say("tag", uri, "nightly", "--to", "oci:p");
  await say("cp", "oci:p", "oci:q", "--all");
  await say("pin", uri);
  await say("unpin", uri);
  await say("ls");
  await say("ls", uri);
  await say("pull", uri);
  await say("pull", uri, "--only", "a", "--to", "to");
  await say("diff", uri, other, "--outputs");
  await say("diff", uri, "d.json");
  await say("why", "c.json");
  writeFileSync(
    join(cwd, "e.json"),
    '{"inputs":[{"name":"i","path":"out"}],"name":"n","transforms":[{"tool":"t","env":["X"]}]}',
  );
  await say("why", "e.json");
  await say("why", "e.json", "--from", "oci:p");
  await say("push", uri, "--to", "oci:p", "--with-inputs");
  await say("status", "c.json", "d.json", "e.json", "none.json");
  await say("verify", uri);
  await say("fsck", "--deep");
  rmSync(join(cwd, "store/blobs/sha256", digest.slice("sha256:".length)));
  await say("verify", uri);
  await say("fsck", "--repair", "--from", "oci:p");
  await say("rm", uri);
  await say("pull", uri, "--from", "oci:p");
  await say("cache path");
  await say("ls", "--size", "--by", "name");
  await say("gc");
  await say("gc", "--apply", "--older-than", "30d", "--max-size", "1GB");
  await say("gc", "--pantry", "oci:p");
  await say("gc", "--pantry", "oci:p", other, "--apply");
  await say("remote add", "p", "oci:p");
  await say("remote ls");
  await say("doctor");
  await say("report");
  await say("remote rm", "p");
  await say("logout", "registry.invalid");
  writeFileSync(join(cwd, "runtime.json"), '{"model":"m"}');
  const { privateKey, publicKey } = await generateKey({});
  writeFileSync(join(cwd, "k.pem"), privateKey, { mode: 0o600 });
  writeFileSync(join(cwd, "k.pub"), publicKey);
  await say("proof create", "c.json", "--runtime", "runtime.json");
  await say("proof sign", "c.json.proof.json", "--key", "k.pem");
  await say("proof verify", "c.json.proof.json", "--key", "k.pub");
});

/** `map` says what happens in lines of their own, and the result last. */
async function sayLines(cwd: string): Promise<void> {
  mkdirSync(join(cwd, "docs"));
  for (const name of ["a", "b"]) writeFileSync(join(cwd, "docs", name), name);
  const script = 'test -e stop && grep -q c "$0" && exit 1; cp "$0" "$1"';
  const args = ["map", "--in", "docs", "--out", "m/{path}", "--json", "--keep-going"];
  const command = ["--", "sh", "-c", script, "{in}", "{out}"];
  const kinds: string[] = [];
  for (const more of [["--push", "--to", "oci:p"], [], []]) {
    const { stdout } = await run([...args, ...more, ...command], { cwd });
    const lines = stdout.trimEnd().split("\n");
    const values = lines.map((line) => JSON.parse(line));
    check("map", values.pop());
    for (const value of values) check("map event", value);
    kinds.push(values.map(({ event }) => event).join(" "));
    if (kinds.length === 2) writeFileSync(join(cwd, "docs/c"), "c");
    writeFileSync(join(cwd, "stop"), "");
  }
  expect(kinds).toEqual(["miss items item item", "", "miss items item"]);
  rmSync(join(cwd, "docs"), { recursive: true });
}

test("runs of agents too", async () => {
  const cwd = scratch();
  const say = async (name: string, ...args: string[]) => {
    const { stdout, stderr } = await run(["trace", name, ...args, "--json"], { cwd });
    const value = JSON.parse(stdout);
    expect(stderr).not.toMatch(/^error/);
    check(`trace ${name}`, value);
    return value;
  };
  const logs = join(import.meta.dirname, "../../trace/test/fixtures");
  const { uri } = await say("pack", join(logs, "claude-code/sidechain.jsonl"));
  const codex = await say("import", join(logs, "codex/malformed.jsonl"), "--skip-malformed");
  expect(codex.malformed).not.toEqual([]);
  await say("show", uri);
  await say("show", uri, "--step", "1");
  await say("log");
  await say("diff", uri, codex.uri);
  await say("replay", uri);
  const { path } = await say("fork", uri);
  await say("finalize", path);
  await say("export", uri, "--out", "run.json");
  writeFileSync(join(cwd, "said.txt"), "said");
  const agent = `{"model":{"identifier":"m","parameters":{}},"system_prompt":"s","prompts":[],"inputs":[],
    "steps":[],"outputs":[{"name":"said.txt","content":"said"}],
    "environment":{"os":"o","runtime":"r","tool_versions":{}}}`;
  writeFileSync(join(cwd, "agent.json"), agent);
  await say("pack", "agent.json");
  expect(await say("verify", "said.txt")).toMatchObject({ verdict: "produced" });
  expect(await say("verify", "agent.json")).toMatchObject({ verdict: "unknown" });
  const { stdout } = await run(["trace", "record", "--json", "--", "true"], { cwd });
  check("trace record", JSON.parse(stdout));
  const inspected = await run(["inspect", uri, "--json"], { cwd });
  check("inspect", JSON.parse(inspected.stdout));
  check("ls", JSON.parse((await run(["ls", "--json"], { cwd })).stdout));
});

test("progress and errors too", async () => {
  const cwd = scratch();
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/a"), new Uint8Array(5_000_000));
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"t"}]}');
  const seed = ["seed", "out", "--contract", "c.json", "--json", "--progress"];
  const { stdout } = await run(seed, { cwd });
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  check("seed", lines.pop());
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) check("progress", line);
  for (const args of [["pull", "abcdef"], ["psuh"], ["id", "nothing.json"], ["cat", "a", "b"]]) {
    const done = await run([...args, "--json"], { cwd });
    const value = JSON.parse(done.stdout);
    check("error", value);
    expect(done.code).toBe(EXIT_CODES[value.error.code as keyof typeof EXIT_CODES]);
  }
  writeFileSync(join(cwd, "x.proof.json"), "{}");
  const failed = await run(["proof", "verify", "--all", "--json"], { cwd });
  check("proof verify", JSON.parse(failed.stdout));
  expect(failed.code).toBe(6);
  const ran = ["run", "--tool", "t", "--out", "made", "--json"];
  for (const args of [[], ["--", "sh", "-c", "kill -9 $$"], ["--", "true"]]) {
    const value = JSON.parse((await run([...ran, ...args], { cwd })).stdout);
    check("error", value);
    expect(value).toHaveProperty("child.exitCode");
  }
});
