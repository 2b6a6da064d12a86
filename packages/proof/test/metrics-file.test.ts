// Measurements in a file: whole lines from many processes, a trace in each, and a page that lists them all.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "@ctxpack/test-tools";
import fc from "fast-check";
import { expect, test } from "vitest";
import { METRICS, MetricsFile, newTraceId, traceIdOf } from "../src/index.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

test("docs/metrics.md lists every name with kind, unit and labels", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/metrics.md"), "utf8");
  const rows = [
    ...page.matchAll(/^\| `(proof_artifacts\.[\w.]+)` \| (\w+) \| (\w+) \| ([^|]*)\|/gm),
  ];
  const told = rows.map(([, name, kind, unit, labels = ""]) => [
    name,
    { kind, unit, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label) },
  ]);
  expect(Object.fromEntries(told)).toEqual(METRICS);
  expect(told).toHaveLength(Object.keys(METRICS).length);
});

test("a line has time, name, kind, unit, value, labels, trace and process", () => {
  using scratch = scratchFolder();
  const file = join(scratch.path, "m.ndjson");
  using sink = MetricsFile.open(file, { traceId: TRACE });
  sink.counter("proof_artifacts.verify.result_count", { code: "ok" });
  sink.histogram("proof_artifacts.hash.bytes", 12);
  sink.gauge("proof_artifacts.process.rss_bytes", 7);
  const lines = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const same = { trace_id: TRACE, pid: process.pid, time: expect.stringMatching(/^\d{4}-.*Z$/) };
  expect(lines).toEqual([
    {
      ...same,
      ...{ name: "proof_artifacts.verify.result_count", kind: "counter", unit: "1" },
      ...{ value: 1, labels: { code: "ok" } },
    },
    {
      ...same,
      ...{ name: "proof_artifacts.hash.bytes", kind: "histogram", unit: "bytes" },
      ...{ value: 12, labels: {} },
    },
    {
      ...same,
      ...{ name: "proof_artifacts.process.rss_bytes", kind: "gauge", unit: "bytes" },
      ...{ value: 7, labels: {} },
    },
  ]);
});

test("four processes share a file: every line is whole", async () => {
  using scratch = scratchFolder();
  const file = join(scratch.path, "m.ndjson");
  const children = [0, 1, 2, 3].map(() =>
    spawn(
      process.execPath,
      [new URL("./metrics-writer.ts", import.meta.url).pathname, file, "500"],
      {
        stdio: ["ignore", "inherit", "inherit"],
      },
    ),
  );
  const codes = await Promise.all(children.map(async (child) => (await once(child, "close"))[0]));
  expect(codes).toEqual([0, 0, 0, 0]);
  const lines = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toHaveLength(2000);
  expect(new Set(lines.map(({ pid }) => pid)).size).toBe(4);
});

test("where a file cannot be", () => {
  using scratch = scratchFolder();
  mkdirSync(join(scratch.path, "folder"));
  const open = (name: string) => MetricsFile.open(join(scratch.path, name), { traceId: TRACE });
  expect(() => open("none/m")).toThrow(
    expect.objectContaining({ code: "CTXPACK_E_PATH_NOT_FOUND" }),
  );
  expect(() => open("folder")).toThrow(expect.objectContaining({ code: "CTXPACK_E_USAGE" }));
});

test.skipIf(process.platform !== "linux")("a full disk is said once, and never thrown", () => {
  const said: string[] = [];
  using sink = MetricsFile.open("/dev/full", { traceId: TRACE, warn: (text) => said.push(text) });
  sink.counter("proof_artifacts.cache.hit_count");
  sink.counter("proof_artifacts.cache.hit_count");
  expect(said).toEqual(["/dev/full cannot be written (ENOSPC): nothing more is measured"]);
});

test.for([
  [`00-${TRACE}-${PARENT}-01`, TRACE],
  [`cc-${TRACE}-${PARENT}-01`, TRACE],
  [`cc-${TRACE}-${PARENT}-01-what-comes-later`, TRACE],
  [`00-${TRACE}-${PARENT}-01-more`, undefined],
  [`cc-${TRACE}-${PARENT}-01.more`, undefined],
  [`ff-${TRACE}-${PARENT}-01`, undefined],
  [`00-${"0".repeat(32)}-${PARENT}-01`, undefined],
  [`00-${TRACE}-${"0".repeat(16)}-01`, undefined],
  [`00-${TRACE.toUpperCase()}-${PARENT}-01`, undefined],
  [`00-${TRACE}-${PARENT}-1`, undefined],
  [`00-${TRACE}-${PARENT}-01\n`, undefined],
  [`cc-${TRACE}-${PARENT}-01-${"x".repeat(600)}`, undefined],
  ["", undefined],
] as const)("traceparent %j is of trace %s", ([header, trace]) => {
  expect(traceIdOf(undefined, header)).toBe(trace);
});

test("what is given wins over the header, and has to be an id", () => {
  const header = `00-${TRACE}-${PARENT}-01`;
  const own = newTraceId();
  expect(traceIdOf(own, header)).toBe(own);
  for (const bad of ["", "x", "0".repeat(32), TRACE.toUpperCase(), `${TRACE}0`, `${TRACE}\n`]) {
    expect(() => traceIdOf(bad, header), bad).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_USAGE" }),
    );
  }
});

test("no text is taken for a header unless it is one", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (text) => {
      expect(traceIdOf(undefined, text)).toBeUndefined();
      expect(() => traceIdOf(text)).toThrow();
    }),
  );
});
