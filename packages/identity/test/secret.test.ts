import { findSecrets, parseContract, refuseSecrets } from "@ctxpack/identity";
import { describe, expect, it } from "vitest";

// Put together here, so that no scanner takes the test itself for a leak.
const shapes = {
  "a PEM private key": `-----BEGIN ${"RSA PRIVATE"} KEY-----\nMIIB`,
  "an AWS access key": `AKIA${"IOSFODNN7EXAMPLE"}`,
  "a GitHub token": `ghp_${"a1B2".repeat(9)}`,
  "an API key (sk-…)": `sk-${"proj_abc-123".repeat(3)}`,
  "a Slack token": `xoxb-${"123456789012-abcdef"}`,
  "a JSON Web Token": `eyJ${"hbGciOiJIUzI1NiJ9"}.eyJ${"zdWIiOiIxIn0"}.c2ln`,
};

describe("findSecrets", () => {
  it.each(Object.entries(shapes))("sees %s wherever it would be published", (kind, text) => {
    const contract = parseContract(
      JSON.stringify({
        command: ["curl", `--header=Bearer ${text}`],
        inputs: [{ name: "v", value: { deep: [text] } }],
        transforms: [{ tool: "x", model: text, params: { note: `see ${text}`, [text]: 1 } }],
      }),
    ).contract;
    expect(findSecrets(contract)).toEqual([
      { pointer: "/command/1", kind },
      { pointer: "/inputs/0/value/deep/0", kind },
      { pointer: "/transforms/0/model", kind },
      { pointer: "/transforms/0/params/note", kind },
      { pointer: "/transforms/0/params", kind: `${kind} as a key` },
    ]);
    expect(JSON.stringify(findSecrets(contract))).not.toContain(text);
  });

  it.each([
    "api_key",
    "OPENAI_API_KEY",
    "apiKey",
    "API-Key",
    "x.secret",
    "clientSecret",
    "Password",
    "db_passwd",
    "PRIVATE_KEY",
    "accessToken",
    "auth_token",
    "AWS_CREDENTIALS",
    "APIKey_2",
  ])("sees the name %s in params and env", (name) => {
    const contract = parseContract(
      JSON.stringify({
        transforms: [{ tool: "x", env: ["A", name], params: { a: [{ [name]: 1 }] } }],
      }),
    ).contract;
    expect(findSecrets(contract).map(({ pointer }) => pointer)).toEqual([
      "/transforms/0/env/1",
      `/transforms/0/params/a/0/${name}`,
    ]);
  });

  it.each([
    "max_tokens",
    "token",
    "tokenizer",
    "secretary",
    "key",
    "passwords_checked",
    "apikeys",
    "access",
    "monkey_private",
  ])("does not take %s for one", (name) => {
    const text = JSON.stringify({
      transforms: [{ tool: "x", env: [name], params: { [name]: 1 } }],
    });
    expect(findSecrets(parseContract(text).contract)).toEqual([]);
  });

  it.each([
    "task-1234567890123456789012",
    "sk-short",
    "AKIA",
    "ghp_",
    "eyJhbGciOi.x.y",
    "-----BEGIN PUBLIC KEY-----",
  ])("does not take the text %s for one", (text) => {
    const json = JSON.stringify({ transforms: [{ tool: text }] });
    expect(findSecrets(parseContract(json).contract)).toEqual([]);
  });

  it("looks through a megabyte made to be slow", () => {
    for (const text of ["-eyJ", "eyJ.", "-sk-", "-----BEGIN A ", "-----BEGIN A"]) {
      const value = text.repeat(250_000);
      const contract = { inputs: [{ name: "v", value }], transforms: [{ tool: "x" }] };
      expect(findSecrets(contract)).toHaveLength(text === "-sk-" ? 1 : 0);
    }
  });

  it("does not look at what is never published", () => {
    const text = shapes["a GitHub token"];
    const json = JSON.stringify({
      name: text,
      inputs: [{ name: "d", path: text }],
      transforms: [{ tool: "x" }],
      outputs: [{ path: text }],
      pass_env: ["OPENAI_API_KEY"],
      metadata: { text },
    });
    expect(findSecrets(parseContract(json).contract)).toEqual([]);
  });

  it("sees names of inputs and the places of a map's results: both are published", () => {
    const name = shapes["a GitHub token"];
    const json = JSON.stringify({
      inputs: [{ name, value: 1 }],
      map: { input: name, out: `${name}.json` },
      schema: "ctxpack.contract/v1",
      transforms: [{ tool: "x" }],
    });
    expect(findSecrets(parseContract(json).contract)).toEqual([
      { pointer: "/inputs/0/name", kind: "a GitHub token" },
      { pointer: "/map/out", kind: "a GitHub token" },
    ]);
  });

  it("sees the env of a resolved contract", () => {
    const json =
      '{"inputs":[],"schema":"ctxpack.contract/v1","transforms":[{"env":{"API_KEY":null},"tool":"x"}]}';
    expect(findSecrets(parseContract(json).contract)).toEqual([
      { pointer: "/transforms/0/env/API_KEY", kind: "the name api_key" },
    ]);
  });
});

describe("refuseSecrets", () => {
  const text = "transforms:\n  - tool: x\n    env: [HF_API_KEY]\n    params: {password: hunter2}\n";
  const parsed = parseContract(text, { file: "c.yaml" });

  it("names the place and the way round, never the value", () => {
    const { file, locate } = parsed;
    expect(() => refuseSecrets(parsed.contract, { file, locate })).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_SECRET",
        message:
          "c.yaml:3:11: /transforms/0/env/0: looks like a secret (the name api_key), and a contract is public once it is pushed (and 1 more)",
        hint: "hand it to the command through pass_env, or allow it with --allow-secret /transforms/0/env/0",
      }),
    );
  });

  it("lets through exactly what is allowed", () => {
    const allow = ["/transforms/0/env/0"];
    expect(() => refuseSecrets(parsed.contract, { allow })).toThrow(
      "/transforms/0/params/password",
    );
    allow.push("/transforms/0/params/password");
    expect(() => refuseSecrets(parsed.contract, { allow })).not.toThrow();
  });
});
