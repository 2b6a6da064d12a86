// Runs from somebody who means harm: what would be obeyed by a terminal is shown as text, what would fill memory or
// lead outside is refused, and each ends with an exit code of its own, never with a bug's.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingProgram } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { cleanUp, type Done, result, run, scratch } from "../run.ts";
import { type Log, logText, packLog, replay } from "./logs.ts";

cleanUp();

/** Clears the screen, sets the title, hides text, turns it round, and ends lines where none end. */
const EVIL = "\u001b[2J\u001b]0;owned\u0007\u009b31m\u202ereversed\u2066\rover\u0008\u0000\u200b";

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is about control characters.
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

function expectPlain(done: Done, what: string): void {
  for (const text of [done.stdout, done.stderr]) {
    const at = OBEYED.exec(text);
    const place = at && JSON.stringify(text.slice(Math.max(0, at.index - 60), at.index + 20));
    expect(place, what).toBeNull();
  }
  expect(done.code, `${what}: ${done.stderr}`).not.toBe(70);
  expect(done.code, what).not.toBe(null);
}

/** A log with harm in every place that holds text. */
function evilLog(more: string): string {
  const e = EVIL + more;
  return JSON.stringify({
    schema_version: "ATIF-v1.7",
    session_id: e,
    trajectory_id: `${e}id`,
    agent: {
      name: e,
      version: e,
      model_name: e,
      tool_definitions: [
        { type: "function", function: { name: e, description: e, parameters: { [e]: e } } },
      ],
      extra: { [e]: e },
    },
    notes: e,
    [`unknown${e}`]: e,
    steps: [
      { step_id: 1, source: "system", message: e },
      { step_id: 2, source: "user", message: e, extra: { [e]: e } },
      {
        step_id: 3,
        source: "agent",
        message: e,
        reasoning_content: e,
        model_name: e,
        tool_calls: [{ tool_call_id: e, function_name: e, arguments: { path: e, [e]: e } }],
        observation: { results: [{ source_call_id: e, content: e }] },
      },
      { step_id: 4, source: "agent", message: e.repeat(200) },
    ],
    extra: { [e]: e },
  });
}

test("escapes for terminals in every text: none comes out raw, whatever looks at the run", async () => {
  const cwd = scratch();
  const uris: string[] = [];
  for (const [index, more] of ["", "2"].entries()) {
    writeFileSync(join(cwd, `${index}.json`), evilLog(more));
    const packed = await run(["trace", "pack", `${index}.json`], { cwd });
    expectPlain(packed, "pack");
    expect(packed.code, packed.stderr).toBe(0);
    uris.push(packed.stdout.trim());
  }
  // A log that has inputs, outputs, versions and an environment.
  const files = { [`${EVIL}.txt`]: EVIL, [`a/${EVIL}/b`]: "x" };
  const other = await packLog(cwd, {
    model: EVIL,
    system: EVIL,
    prompt: EVIL,
    inputs: files,
    outputs: files,
    tools: { [EVIL]: EVIL },
    steps: [
      { tool: EVIL, parameters: { path: EVIL }, output: EVIL },
      { tool: "read_file", parameters: { path: EVIL }, output: EVIL },
      { tool: "read_file", parameters: { path: `/etc/${EVIL}` }, output: EVIL, type: EVIL },
    ],
  });
  const named = await run(["trace", "pack", "0.json", "--name", EVIL.replaceAll("\u0000", "")], {
    cwd,
  });
  expectPlain(named, "pack --name");
  const [a, b] = uris as [string, string];
  const tools = ["--mode", "tools", "--tool", "files"];
  for (const args of [
    ...[a, b, other].flatMap((uri) => [
      ["show", uri],
      ...[0, 1, 2, 3].map((step) => ["show", uri, "--step", String(step)]),
      ["show", uri, "--json"],
      ["replay", uri],
      ["replay", uri, ...tools],
      ["replay", uri, ...tools, "--json"],
      ["fork", uri],
      ["export", uri],
    ]),
    ["diff", a, b],
    ["diff", a, other],
    ["diff", b, other, "--json"],
    ["log"],
    ["log", "--graph"],
    ["log", "--json"],
    ["log", "--plain"],
  ]) {
    const done = await run(["trace", ...args], { cwd });
    expectPlain(done, args.join(" "));
    expect([0, 11, 12, 3], `${args}: ${done.stderr}`).toContain(done.code);
  }
  for (const uri of [a, other]) {
    for (const args of [
      ["inspect", uri],
      ["inspect", uri, "--json"],
      ["ls"],
      ["ls", uri],
      ["verify", uri],
    ]) {
      expectPlain(await run(args, { cwd }), args.join(" "));
    }
  }
  for (const name of readdirSync(cwd)) expect(OBEYED.test(name), JSON.stringify(name)).toBe(false);
  writeFileSync(join(cwd, "artifact"), EVIL);
  expectPlain(await run(["trace", "verify", "artifact"], { cwd }), "verify");
  expect((await run(["trace", "verify", "artifact"], { cwd })).code).toBe(0);
});

test("escapes in what is no log, and in lines that are malformed", async () => {
  const cwd = scratch();
  const session = '{"type":"session_meta","timestamp":"2026-01-01T00:00:00Z","payload":{"id":"x"}}';
  const texts = [
    `${EVIL}`,
    `{"${EVIL}": `,
    `${session}\n{"${EVIL}\n{${EVIL}}\n`,
    `{"model":{"identifier":"m"},"steps":[],"environment":{},"${EVIL.slice(1, 4)}":1,}`,
  ];
  for (const text of texts) {
    writeFileSync(join(cwd, "log"), text);
    for (const flags of [[], ["--skip-malformed"], ["--format", "codex"], ["--json"]]) {
      const done = await run(["trace", "pack", "log", ...flags], { cwd });
      expectPlain(done, JSON.stringify([text, flags]));
      expect([0, 2], done.stderr).toContain(done.code);
    }
  }
  const evilName = `${EVIL.replaceAll("\u0000", "")}.json`;
  writeFileSync(join(cwd, evilName), logText());
  expectPlain(await run(["trace", "pack", evilName], { cwd }), "a log of an evil name");
  expectPlain(await run(["trace", "pack", `no-${evilName}`], { cwd }), "no such log");
  expectPlain(await run(["trace", "verify", evilName], { cwd }), "a file of an evil name");
});

test("nesting, sizes that are claims, and numbers without end are refused or kept as text", async () => {
  const cwd = scratch();
  const pack = async (text: string) => {
    writeFileSync(join(cwd, "log.json"), text);
    return await run(["trace", "pack", "log.json"], { cwd });
  };
  const wrap = (value: string) =>
    logText({ steps: [{ tool: "t", parameters: { v: "V" }, output: "x" }] }).replace('"V"', value);
  const deep = await pack(wrap("[".repeat(100_000) + "]".repeat(100_000)));
  expect(deep.code, deep.stderr).toBe(2);
  expect(deep.stderr).toMatch(/deep|level|nest/);
  const objects = await pack(wrap(`${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`));
  expect(objects.code).toBe(2);
  // As deep as may be: shown, compared, and a number that no double holds is kept as it is written.
  const digits = "9".repeat(50_000);
  const held = await pack(wrap(`${"[".repeat(100)}${digits}${"]".repeat(100)}`));
  expect(held.code, held.stderr).toBe(0);
  const uri = held.stdout.trim();
  expect(await result(["trace", "show", uri, "--step", "1"], { cwd })).toContain(digits);
  expect((await run(["trace", "diff", uri, uri, "--exit-code"], { cwd })).code).toBe(0);
  expect((await pack(wrap("1e999999999"))).code).toBe(0);

  // Ten gigabytes that are said to be there, by an earlier tool's manifest and by a run of our own.
  const claimed = JSON.parse(logText({ inputs: { "a.bin": "x" }, outputs: { "o.bin": "x" } }));
  claimed.inputs[0].size = 10_000_000_000;
  claimed.outputs[0].size = 10_000_000_000;
  const big = await pack(JSON.stringify(claimed));
  expect(big.code, big.stderr).toBe(0);
  const shown = JSON.parse(await result(["trace", "show", big.stdout.trim(), "--json"], { cwd }));
  expect(shown.head.inputs).toMatchObject([{ name: "a.bin", size: 1 }]);
});

const sha256 = (bytes: string) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

type Output = Record<string, unknown>;
type Head = { outputs: [Output]; steps: Output; [more: string]: unknown };

/** A folder with a pantry in which somebody put a run made by hand: the head of an honest one, changed. */
async function forged(change: (head: Head) => void): Promise<{ cwd: string; uri: string }> {
  const cwd = scratch();
  const env = { CTXPACK_CACHE_DIR: join(cwd, "forger") };
  writeFileSync(join(cwd, "log.json"), logText({ outputs: { "o.txt": "out\n" } }));
  const honest = await result(["trace", "pack", "log.json"], { cwd, env });
  await result(["push", honest, "--to", "oci:pantry"], { cwd, env });
  const blobs = join(cwd, "pantry/blobs/sha256");
  const put = (bytes: string): string => {
    writeFileSync(join(blobs, sha256(bytes).slice(7)), bytes);
    return sha256(bytes);
  };
  const index = JSON.parse(readFileSync(join(cwd, "pantry/index.json"), "utf8"));
  const text = readFileSync(join(blobs, index.manifests[0].digest.slice(7)), "utf8");
  const { config } = JSON.parse(text);
  const head = JSON.parse(readFileSync(join(blobs, config.digest.slice(7)), "utf8"));
  change(head);
  const bytes = JSON.stringify(head);
  const manifest = text
    .replace(config.digest, put(bytes))
    .replace(`"size":${config.size}`, `"size":${Buffer.byteLength(bytes)}`);
  const entry = {
    ...index.manifests[0],
    digest: put(manifest),
    size: manifest.length,
    annotations: { "org.opencontainers.image.ref.name": `ctx-${sha256(bytes).slice(7)}` },
  };
  writeFileSync(
    join(cwd, "pantry/index.json"),
    JSON.stringify({ ...index, manifests: [...index.manifests, entry] }),
  );
  return { cwd, uri: `ctx://${sha256(bytes)}` };
}

const FROM = ["--from", "oci:pantry"];

test("a forged head from a pantry: outside paths, other steps and what is unknown are refused", async () => {
  const control = await forged(({ outputs }) => Object.assign(outputs[0], { name: "other.txt" }));
  expect((await run(["trace", "show", control.uri, ...FROM], { cwd: control.cwd })).code).toBe(0);

  const forgeries: Readonly<Record<string, (head: Head) => void>> = {
    traversal: ({ outputs }) => Object.assign(outputs[0], { name: "../../evil.txt" }),
    absolute: ({ outputs }) => Object.assign(outputs[0], { name: "/etc/cron.d/evil" }),
    escape: ({ outputs }) => Object.assign(outputs[0], { name: `${EVIL}.txt` }),
    count: ({ steps }) => Object.assign(steps, { count: 1_000_000_000 }),
    digest: ({ steps }) => Object.assign(steps, { digest: `sha256:${"0".repeat(64)}` }),
    unknown: (head) => Object.assign(head, { zevil: true }),
  };
  for (const [name, change] of Object.entries(forgeries)) {
    const { cwd, uri } = await forged(change);
    for (const command of ["show", "replay", "fork", "export"]) {
      const done = await run(["trace", command, uri, ...FROM], { cwd });
      expectPlain(done, `${name}: ${command}`);
      // An audit that reads that the steps are others says so as a replay does.
      const codes = command === "replay" ? [5, 12] : [5];
      expect(codes, `${name}: ${command} ${done.code} ${done.stderr}`).toContain(done.code);
    }
    expect(existsSync(join(cwd, "../evil.txt"))).toBe(false);
  }
});

test("a forged size of ten gigabytes does not fill memory or disk", async () => {
  const { cwd, uri } = await forged(({ outputs }) =>
    Object.assign(outputs[0], { size: 10_000_000_000 }),
  );
  const shown = await run(["trace", "show", uri, ...FROM], { cwd });
  expectPlain(shown, "show");
  const audit = await replay(cwd, uri, ...FROM);
  expect(audit.code, audit.stdout).toBe(12);
  const fork = await run(["trace", "fork", uri, "--to", "fork", ...FROM], { cwd });
  expect(fork.code).toBe(2);
  expect(fork.stderr).toContain("10000000000 bytes; the limit is");
  const tools = await replay(cwd, uri, "--mode", "tools", "--tool", "files", ...FROM);
  expect([tools.code, tools.report.outputs[0]?.verdict]).toEqual([11, "unavailable"]);
  // Where a file comes from is told by its bytes: the lie is about their number.
  writeFileSync(join(cwd, "o.txt"), "out\n");
  expect((await run(["trace", "verify", "o.txt"], { cwd })).code).toBe(0);
});

test.skipIf(missingProgram("unshare", "setpriv"))(
  "a tool that writes without end, runs for ever, or looks for files of the user is ended or finds none",
  async () => {
    const cwd = scratch();
    const log: Log = { steps: [{ tool: "t", parameters: { text: "hi" }, output: "HI\n" }] };
    const uri = await packLog(cwd, log);
    const script = (name: string, text: string): string => {
      writeFileSync(join(cwd, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      return `t=./${name}`;
    };
    const tools = (tool: string, ...flags: string[]) =>
      replay(cwd, uri, "--mode", "tools", "--tool", tool, ...flags);
    // A program of the user's own is run, with the arguments on stdin.
    const good = await tools(script("good", 'grep -q \'^{"text":"hi"}\' && echo HI'));
    expect([good.code, good.report.fidelity], good.stdout).toEqual([0, "exact"]);
    const verdict = async (tool: string, ...flags: string[]) => {
      const { code, report } = await tools(tool, ...flags);
      return [code, report.steps[0]?.verdict];
    };
    expect(await verdict("t=/usr/bin/yes")).toEqual([12, "too-large"]);
    expect(await verdict(script("loop", "while :; do :; done"), "--tool-timeout", "1s")).toEqual([
      12,
      "timed-out",
    ]);
    writeFileSync(join(cwd, "secret.txt"), "HI\n");
    expect(await verdict(script("spy", `cat ${join(cwd, "secret.txt")}`))).toEqual([12, "failed"]);
    expect(await verdict(script("own", `echo x >> ${join(cwd, "own")}`))).toEqual([12, "failed"]);
    expect(readFileSync(join(cwd, "own"), "utf8")).not.toMatch(/^x$/m);
    const none = await run(["trace", "replay", uri, "--mode", "tools", "--tool", "t=./none"], {
      cwd,
    });
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("there is no program") });
  },
);
