import { expect, test } from "vitest";
import { failureOf } from "../src/exit.ts";
import { Meter } from "../src/meter.ts";
import { isDrawable, Output, type OutputOptions, wantsColor } from "../src/output.ts";
import { bar, describe as describeProgress, Progress } from "../src/progress.ts";

const defaults = {
  json: false,
  plain: false,
  quiet: false,
  verbose: false,
  color: false,
  drawable: false,
};

class Sink {
  text = "";
  readonly isTTY: boolean;
  readonly columns = 40;

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(text: string | Uint8Array, done?: () => void): boolean {
    this.text += typeof text === "string" ? text : new TextDecoder().decode(text);
    done?.();
    return true;
  }
}

function make(options: Partial<OutputOptions> = {}) {
  const stdout = new Sink();
  const stderr = new Sink();
  return { stdout, stderr, output: new Output(stdout, stderr, { ...defaults, ...options }) };
}

test("the result goes to stdout, everything else to stderr", () => {
  const { stdout, stderr, output } = make();
  output.note("doing");
  output.warning("careful");
  output.result("ctx://x", { uri: "ctx://x" });
  expect(stdout.text).toBe("ctx://x\n");
  expect(stderr.text).toBe("doing\nwarning: careful\n");
});

test("names from anywhere are shown, never obeyed: on stderr as escapes, in JSON as the same value", () => {
  const evil = "a\u001b[2J\u009b1m\u202eb\tc\nd";
  const { stdout, stderr, output } = make({ json: true, color: true });
  output.note(evil);
  output.warning(evil);
  const failure = { code: "CTXPACK_E_TRACE", message: evil, hint: evil, exitCode: 2 } as const;
  output.failure({ ...failure, details: {} }, undefined);
  const shown = "a\\u001b[2J\\u009b1m\\u202eb\tc\nd";
  expect(stderr.text).toBe(
    `${shown}\n\u001b[33mwarning:\u001b[0m ${shown}\n\u001b[31merror:\u001b[0m ${shown}\n\u001b[36mhint:\u001b[0m ${shown}\n`,
  );
  expect(JSON.parse(stdout.text).error.message).toBe(evil);
  expect(stdout.text).toMatch(/^[ -~]+\n$/);
});

test("--json prints one object, --quiet no notes", () => {
  const { stdout, stderr, output } = make({ json: true, quiet: true });
  output.note("doing");
  output.result("ctx://x", { uri: "ctx://x" });
  expect(stdout.text).toBe('{"schemaVersion":1,"uri":"ctx://x"}\n');
  expect(stderr.text).toBe("");
});

test("a failure is told with its hint, and with its stack only when asked", () => {
  const error = new Error("boom", { cause: new Error("why") });
  const quiet = make({ quiet: true });
  quiet.output.failure(failureOf(error), error);
  expect(quiet.stderr.text).toMatch(/^error: boom\nhint: this is a bug in ctxpack; .*\n$/);
  const verbose = make({ verbose: true, json: true });
  verbose.output.failure(failureOf(error), error);
  expect(verbose.stderr.text).toMatch(/caused by: Error: why/);
  expect(JSON.parse(verbose.stdout.text)).toMatchObject({
    schemaVersion: 1,
    error: { code: "CTXPACK_E_INTERNAL", message: "boom" },
  });
});

test("details that JSON cannot hold do not hide the failure", () => {
  const error = { code: "CTXPACK_E_TREE", message: "changed", details: { size: 12n } };
  const { stdout, output } = make({ json: true });
  output.failure(failureOf(error), error);
  expect(JSON.parse(stdout.text).error.details).toEqual({ size: "12" });
});

test("a drawn line is cut to the terminal and gone before anything else", () => {
  const { stderr, output } = make();
  output.draw("x".repeat(100));
  output.note("done");
  expect(stderr.text).toBe(`\r${"x".repeat(39)}\x1b[K\r\x1b[Jdone\n`);
});

test("bytes are copied before they are handed to the stream", async () => {
  const written: Uint8Array[] = [];
  const held = {
    write(chunk: string | Uint8Array, done?: () => void) {
      written.push(chunk as Uint8Array);
      done?.();
      return true;
    },
  };
  const buffer = new Uint8Array([1, 2]);
  await new Output(held, new Sink(), defaults).bytes(buffer);
  buffer.fill(0);
  expect(written).toEqual([new Uint8Array([1, 2])]);
});

test("NO_COLOR wins, then FORCE_COLOR, then the terminal", () => {
  expect(wantsColor(new Sink(true), {})).toBe(true);
  expect(wantsColor(new Sink(true), { NO_COLOR: "1", FORCE_COLOR: "1" })).toBe(false);
  expect(wantsColor(new Sink(false), { FORCE_COLOR: "1" })).toBe(true);
  expect(wantsColor(new Sink(true), { TERM: "dumb" })).toBe(false);
});

test.each([
  [true, {}, true],
  [true, { TERM: "xterm", CI: "" }, true],
  [true, { CI: "0" }, true],
  [true, { CI: "false" }, true],
  [true, { CI: "true" }, false],
  [true, { CI: "1" }, false],
  [true, { TERM: "dumb" }, false],
  [false, {}, false],
] as const)("lines are drawn over: a terminal %s with %j: %s", (isTTY, env, expected) => {
  expect(isDrawable(new Sink(isTTY), env)).toBe(expected);
});

test("progress says how much, how fast and how long still", () => {
  const event = { phase: "hash", unit: "bytes", done: 12_000_000, total: 50_000_000 } as const;
  expect(describeProgress(event, 12_000_000, 0.1)).toBe(
    "hashing 12.0 MB of 50.0 MB, 120 MB/s, 0.32 s left",
  );
  expect(describeProgress({ phase: "unpack", unit: "files", done: 3 }, 3, 1)).toBe(
    "unpacking 3 files",
  );
  expect(describeProgress({ phase: "unpack", unit: "files", done: 3, total: 9 }, 0, 0)).toBe(
    "unpacking 3 of 9 files",
  );
});

test("drawn lines take the place of those before, and leave nothing", () => {
  const { stderr, output } = make();
  output.draw("a", "b");
  output.draw("c");
  output.clear();
  expect(stderr.text).toBe("\ra\x1b[K\nb\x1b[K\r\x1b[1Ac\x1b[K\x1b[J\r\x1b[J");
});

test("a bar is as long whatever is done", () => {
  expect(bar({ done: 0, total: 0 })).toHaveLength(20);
  expect(bar({ done: 5 })).toBe("░".repeat(20));
  expect(bar({ done: 1, total: 2 })).toBe("█".repeat(10) + "░".repeat(10));
  expect(bar({ done: 3, total: 2 })).toBe("█".repeat(20));
});

test("a rate is that of the last seconds, and falls when nothing comes", () => {
  const meter = new Meter(0, 0);
  for (let second = 1; second <= 20; second++) meter.add(second * 1000, second * 100);
  for (let second = 21; second <= 30; second++) meter.add(second * 1000, 2000 + second - 20);
  expect(meter.recent(30_000)).toEqual({ fresh: 5, seconds: 5 });
  expect(meter.recent(60_000)).toEqual({ fresh: 5, seconds: 35 });
});

test("progress events are lines of JSON when a program asked for them", () => {
  const { stdout, stderr, output } = make({ json: true });
  new Progress("events", output).on({ phase: "blob", unit: "bytes", done: 1, total: 2 });
  new Progress("silent", output).on({ phase: "blob", unit: "bytes", done: 2, total: 2 });
  expect(stdout.text).toBe(
    '{"schemaVersion":1,"event":"progress","phase":"blob","unit":"bytes","done":1,"total":2}\n',
  );
  expect(stderr.text).toBe("");
});
