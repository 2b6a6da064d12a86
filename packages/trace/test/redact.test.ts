import fc from "fast-check";
import { expect, test } from "vitest";
import { Redactor } from "../src/index.ts";
import { packInMemory } from "./run/memory.ts";

const github = `ghp_${"a1B2".repeat(9)}`;
const openai = `sk-${"x".repeat(32)}`;
const pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";
const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

test("every shape becomes its placeholder, the same secret the same one", () => {
  const redactor = new Redactor();
  expect(redactor.text(`use ${github}, then ${openai}; again ${github}`)).toBe(
    "use [redacted:github-token:1], then [redacted:api-key:2]; again [redacted:github-token:1]",
  );
  expect(redactor.text(`${pem} and ${jwt}.`)).toBe(
    "[redacted:private-key:3] and [redacted:jwt:4].",
  );
  expect(redactor.text("AKIAIOSFODNN7EXAMPLE xoxb-1234567890-abc")).toBe(
    "[redacted:aws-access-key:5] [redacted:slack-token:6]",
  );
  expect([redactor.distinct, redactor.replaced]).toEqual([6, 7]);
});

test("a key that is cut off is gone to the end of the text", () => {
  expect(new Redactor().text("x -----BEGIN PRIVATE KEY-----\nMIIE")).toBe(
    "x [redacted:private-key:1]",
  );
});

test("members called like a secret are replaced, others are not", () => {
  const value = {
    password: "hunter2!",
    apiKey: "abc",
    max_tokens: "123456789",
    nested: [{ API_KEY: "abcdef" }],
  };
  expect(new Redactor().value(value)).toEqual({
    password: "[redacted:password:1]",
    // Too short to be one.
    apiKey: "abc",
    max_tokens: "123456789",
    nested: [{ API_KEY: "[redacted:api-key:2]" }],
  });
});

test("arguments that are JSON text are searched as what they are", () => {
  const args = '{"user": "me", "id": 9007199254740993, "login": [{"password": "hunter2!"}]}';
  const call = {
    function: { name: "login", arguments: args },
    args: '{"password"',
    input: "[1, 2]",
  };
  expect(new Redactor().value(call)).toEqual({
    function: {
      name: "login",
      arguments:
        '{"user":"me","id":9007199254740993,"login":[{"password":"[redacted:password:1]"}]}',
    },
    // What holds no secret, or is no JSON, stays as it was written.
    args: '{"password"',
    input: "[1, 2]",
  });
  // A key that occurs twice: the value that no reader sees is written there all the same.
  const twice = `{"a":"${github}","a":"b"}`;
  expect(new Redactor().value({ arguments: twice })).toEqual({
    arguments: '{"a":"[redacted:github-token:1]","a":"b"}',
  });
});

test("no secret shares the number of a placeholder that was there before it", () => {
  const redactor = new Redactor();
  expect(redactor.text("[redacted:password:2] and [redacted:jwt:1]")).toBe(
    "[redacted:password:2] and [redacted:jwt:1]",
  );
  expect(redactor.value({ password: "hunter2!" })).toEqual({ password: "[redacted:password:3]" });
  expect(redactor.distinct).toBe(1);
});

test("secrets are gone from every file of a pack, wherever they stood", async () => {
  const long = `${"x".repeat(2000)} ${github}`;
  const pack = await packInMemory([
    {
      head: {
        source: { format: "recorded" },
        name: github,
        note: `note ${openai}`,
        session: { id: jwt },
      },
    },
    { system: { text: `token ${openai}` } },
    { tool: { name: "t", schema: { default: github } } },
    {
      step: {
        kind: "tool",
        name: github,
        callId: openai,
        request: { value: { [github]: { Authorization: `Bearer ${openai}` } } },
        result: { text: long },
        error: { message: { text: pem } },
        effects: { net: [`https://x/?key=${openai}`] },
        extra: { jwt },
      },
    },
    { input: { name: `dir/${github}.txt`, content: { text: pem } } },
  ]);
  const all = [pack.config, ...pack.tree.values()]
    .map((bytes) => Buffer.from(bytes).toString())
    .join("\n");
  for (const secret of [github, openai, jwt, "MIIE"]) expect(all).not.toContain(secret);
  expect(pack.redacted.secrets).toBe(4);
});

test("placeholders depend on nothing but the order of appearance", () => {
  const piece = fc.constantFrom(
    github,
    openai,
    jwt,
    "AKIAIOSFODNN7EXAMPLE",
    " plain ",
    "\n",
    "sk-short",
  );
  fc.assert(
    fc.property(fc.array(fc.array(piece)), (texts) => {
      const [one, two] = [new Redactor(), new Redactor()];
      const joined = texts.map((parts) => parts.join(" "));
      const safe = joined.map((text) => one.text(text));
      expect(joined.map((text) => two.text(text))).toEqual(safe);
      // What was redacted holds nothing more to redact.
      const third = new Redactor();
      expect(safe.map((text) => third.text(text))).toEqual(safe);
    }),
  );
});
