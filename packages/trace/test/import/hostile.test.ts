import fc from "fast-check";
import { expect, test } from "vitest";
import { printable } from "../../src/index.ts";
import { collect, reread } from "../run/memory.ts";
import { packAll, packOne } from "./read.ts";

function executionLog(more: object): string {
  return JSON.stringify({
    model: { identifier: "m" },
    system_prompt: "s",
    steps: [],
    environment: { os: "linux", runtime: "r" },
    ...more,
  });
}

test("names that lead out of a folder are put below outside/, and that is told", async () => {
  const names = [
    "/etc/passwd",
    "../../x",
    "a/../b",
    "C:\\Windows\\x",
    "\\\\host\\share",
    "/dev/zero",
    "",
    "a\u001b[31m",
    "ok/file.txt",
    "./here",
  ];
  const outputs = names.map((name) => ({ name, content: name }));
  const { head } = await packOne(executionLog({ outputs }));
  const found = head.outputs.map(({ name }) => name);
  expect(found).toEqual(
    [
      "here",
      "ok/file.txt",
      "outside/C_/Windows/x",
      "outside/_up/_up/x",
      "outside/a/_up/b",
      "outside/a_[31m",
      "outside/dev/zero",
      "outside/etc/passwd",
      "outside/host/share",
      "outside/unnamed",
    ].sort(),
  );
  expect(head.loss).toEqual([{ path: "$.outputs[*].name", reason: "changed", count: 9 }]);
});

test("deep nesting is kept as text up to a bound, and refused with its line beyond", async () => {
  const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
  const line = (parameters: string) =>
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":${parameters}}}\n`;
  const pack = await packOne(line(nested(100)));
  const [step] = await collect(reread(pack).steps());
  expect(step?.request).toEqual({ text: nested(100), mediaType: "application/json" });
  const log = `${line("{}")}${line(nested(100_000))}`;
  await expect(packOne(log, { file: "deep.jsonl" })).rejects.toMatchObject({
    code: "CTXPACK_E_TRACE",
    message: expect.stringMatching(/^deep\.jsonl:2: .*nested deeper/),
  });
});

test("many references to one long text do not grow without bound", async () => {
  const sample = {
    id: 1,
    epoch: 1,
    attachments: { x: "y".repeat(1024 * 1024) },
    messages: [{ role: "user", content: Array.from({ length: 2000 }, () => "attachment://x") }],
  };
  const log = JSON.stringify({ version: 2, eval: { run_id: "r", task: "t" }, samples: [sample] });
  await expect(packAll(log)).rejects.toMatchObject({ code: "CTXPACK_E_TOO_LARGE" });
});

test("a zip that claims to unpack to gigabytes is refused", async () => {
  const name = "header.json";
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50);
  central.writeUInt16LE(8, 10);
  central.writeUInt32LE(4, 20);
  central.writeUInt32LE(0xfffffff0, 24);
  central.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(1, 10);
  const body = Buffer.concat([local, Buffer.from(name), Buffer.from("xxxx")]);
  end.writeUInt32LE(body.length, 16);
  const zip = Buffer.concat([body, central, Buffer.from(name), end]);
  await expect(packAll(zip)).rejects.toMatchObject({ code: "CTXPACK_E_TRACE" });
});

test("what a terminal would obey is shown, not sent", () => {
  expect(printable("a\u001b]0;owned\u0007b\nc\td\u202ee\r\n")).toBe(
    "a\\u001b]0;owned\\u0007b\nc\td\\u202ee\n",
  );
});

test("prototypes are names like any other", async () => {
  const log = executionLog({
    steps: [
      { type: "tool_call", tool: "__proto__", parameters: JSON.parse('{"__proto__":{"x":1}}') },
    ],
  });
  const [, step] = [0, ...(await collect(reread(await packOne(log)).steps()))];
  expect(step).toMatchObject({ name: "__proto__" });
  expect(JSON.stringify(step)).toContain('"__proto__":{"x":1}');
});

test("any bytes are a log or an error of ours", async () => {
  const starts = [
    '{"type":"session_meta","timestamp":"x","payload":',
    '{"type":"user","uuid":"u","parentUuid":null,"sessionId":"s","message":',
    '{"resourceSpans":[',
    '{"jsonrpc":"2.0",',
    '{"schema_version":"ATIF-v1.4","steps":[',
    '[{"role":"user","content":',
    '{"run_type":"llm","trace_id":"t","inputs":',
    "PK\u0003\u0004",
    "",
  ];
  const value = fc.json({ maxDepth: 4 });
  const ends = fc.oneof(
    value,
    fc.string({ unit: "binary" }),
    value.map((text) => `${text}]}`),
    value.map((text) => `${text}}`),
    value.map((text) => `${text}}]`),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...starts),
      ends,
      fc.boolean(),
      async (start, end, skipMalformed) => {
        try {
          for (const pack of await packAll(`${start}${end}\n`, { skipMalformed })) {
            await collect(reread(pack).steps());
          }
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^CTXPACK_E_/) });
        }
      },
    ),
    { numRuns: 1500 },
  );
});

/** Objects whose members have names that importers look for and values they do not expect. */
const names = [
  "type",
  "role",
  "content",
  "message",
  "uuid",
  "parentUuid",
  "payload",
  "call_id",
  "output",
  "arguments",
  "steps",
  "source",
  "tool_calls",
  "name",
  "id",
  "usage",
  "input_tokens",
  "timestamp",
  "agent",
  "results",
  "observation",
  "params",
  "method",
  "result",
  "error",
  "events",
  "event",
  "eval",
  "samples",
  "messages",
  "inputs",
  "outputs",
  "extra",
  "attributes",
  "parts",
  "function",
  "text",
  "kwargs",
  "data",
];
const confused = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom<unknown>(
      "user",
      "assistant",
      "tool",
      "tool_use",
      "tool_result",
      "text",
      "function_call",
      "message",
      "",
      0,
      -1,
      null,
      true,
      1e300,
      "2026-01-01T00:00:00Z",
      "model",
    ),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...names), tie("value"), { maxKeys: 6 }),
  ),
})).value;

test.each([
  "atif",
  "claude-code",
  "codex",
  "execution-log",
  "inspect",
  "langfuse",
  "langsmith",
  "mcp",
  "messages",
  "otlp",
] as const)(
  "values of every wrong kind are read as %s, or refused by an error of ours",
  async (format) => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom(...names), confused, { maxKeys: 12 }),
        async (value) => {
          try {
            for (const pack of await packAll(JSON.stringify(value), {
              format,
              skipMalformed: true,
            })) {
              await collect(reread(pack).steps());
            }
          } catch (error) {
            expect(error).toMatchObject({ code: expect.stringMatching(/^CTXPACK_E_/) });
          }
        },
      ),
      { numRuns: 200 },
    );
  },
);

test("a log of one long text is told or refused, whether it comes at once or in pieces", async () => {
  for (const unit of ["a", "\\n"]) {
    const text = unit.repeat((9 * 1024 * 1024) / unit.length);
    const bytes = Buffer.from(`{"x":"${text}"}`);
    const pieces = (async function* () {
      yield bytes;
    })();
    for (const input of [bytes, pieces]) {
      await expect(packAll(input)).rejects.toMatchObject({
        code: "CTXPACK_E_TRACE",
        message: "log: no log of a known format",
      });
    }
    const log = Buffer.from(
      `${executionLog({}).slice(0, -1)},"outputs":[{"name":"a","content":"${text}"}]}`,
    );
    const { head } = await packOne(log);
    expect(head.source).toMatchObject({ format: "execution-log", size: log.length });
  }
});
