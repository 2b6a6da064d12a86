import { CtxPackError, parseContract } from "@ctxpack/identity";
import { describe, expect, it } from "vitest";

interface Row {
  readonly what: string;
  readonly format: "json" | "yaml";
  readonly text: string | Uint8Array;
  /** Exactly what a user sees. */
  readonly message: string;
  readonly hint?: string;
}

const rows: readonly Row[] = [
  {
    what: "empty file",
    format: "json",
    text: "",
    message: "c.json:1:1: the file is empty",
  },
  {
    what: "only comments",
    format: "yaml",
    text: "# nothing yet\n",
    message: "c.yaml:1:1: the file is empty",
  },
  {
    what: "not an object",
    format: "json",
    text: "[]",
    message: "c.json:1:1: expected an object, found a list",
  },
  {
    what: "a trailing comma",
    format: "json",
    text: '{"transforms":[{"tool":"ocr"},]}',
    message: 'c.json:1:30: /transforms: a comma before "]"',
    hint: "JSON has no trailing commas",
  },
  {
    what: "a comment in JSON",
    format: "json",
    text: '{\n  // the tool\n  "transforms":[{"tool":"ocr"}]}',
    message: "c.json:2:3: expected a key in double quotes, found /",
    hint: "JSON has no comments; a .yaml contract has",
  },
  {
    what: "single quotes in JSON",
    format: "json",
    text: "{'transforms':[]}",
    message: "c.json:1:2: expected a key in double quotes, found '",
    hint: "JSON writes strings in double quotes",
  },
  {
    what: "an unquoted key in JSON",
    format: "json",
    text: "{transforms:[]}",
    message: "c.json:1:2: expected a key in double quotes, found transforms",
  },
  {
    what: "a missing comma",
    format: "json",
    text: '{"transforms":[{"tool":"ocr"}] "name":"x"}',
    message: 'c.json:1:32: expected "," or "}", found a string',
  },
  {
    what: "a missing colon",
    format: "json",
    text: '{"transforms" [{"tool":"ocr"}]}',
    message: 'c.json:1:15: expected ":" after a key, found [',
  },
  {
    what: "something after the end",
    format: "json",
    text: '{"transforms":[{"tool":"ocr"}]} x',
    message: "c.json:1:33: expected the end of the file, found x",
  },
  {
    what: "an unfinished string",
    format: "json",
    text: '{"transforms":[{"tool":"ocr',
    message: "c.json:1:24: /transforms/0/tool: a string that does not end",
  },
  {
    what: "an unfinished object",
    format: "json",
    text: '{"transforms":[{"tool":"ocr"}',
    message: 'c.json:1:30: /transforms: expected "," or "]", found the end of the file',
  },
  {
    what: "a raw newline in a string",
    format: "json",
    text: '{"transforms":[{"tool":"o\ncr"}]}',
    message: "c.json:1:26: /transforms/0/tool: a control character in a string",
    hint: "write it as an escape, such as \\n",
  },
  {
    what: "an unknown escape",
    format: "json",
    text: '{"transforms":[{"tool":"C:\\dir"}]}',
    message: "c.json:1:27: /transforms/0/tool: an escape that JSON does not have",
    hint: "a backslash itself is written \\\\",
  },
  {
    what: "NaN",
    format: "json",
    text: '{"transforms":[{"tool":"ocr","params":{"x":NaN}}]}',
    message: "c.json:1:44: /transforms/0/params/x: expected a value, found NaN",
    hint: "text is written in double quotes",
  },
  {
    what: "a number with a leading zero",
    format: "json",
    text: '{"transforms":[{"tool":"ocr","params":{"x":012}}]}',
    message: "c.json:1:44: /transforms/0/params/x: expected a value, found 012",
    hint: "text is written in double quotes",
  },
  {
    what: "a number with a plus",
    format: "json",
    text: '{"transforms":[{"tool":"ocr","params":{"x":+1}}]}',
    message: "c.json:1:44: /transforms/0/params/x: expected a value, found +1",
    hint: "text is written in double quotes",
  },
  {
    what: "a byte order mark",
    format: "json",
    text: '﻿{"transforms":[{"tool":"ocr"}]}',
    message: "c.json:1:1: begins with a byte order mark",
    hint: "save the file as UTF-8 without BOM",
  },
  {
    what: "not UTF-8",
    format: "json",
    text: new Uint8Array([123, 10, 34, 255, 34]),
    message: "c.json:2:2: not UTF-8",
    hint: "save the file as UTF-8",
  },
  {
    what: "a lone surrogate",
    format: "json",
    text: '{"transforms":[{"tool":"\\ud800"}]}',
    message: "c.json:1:24: /transforms/0/tool: a lone surrogate",
  },
  {
    what: "a lone surrogate in a key",
    format: "json",
    text: '{"transforms":[{"tool":"ocr","params":{"\\udc00":1}}]}',
    message: "c.json:1:40: /transforms/0/params: a key with a lone surrogate",
  },
  {
    what: "a duplicate key",
    format: "json",
    text: '{"transforms":[{"tool":"ocr",\n"tool":"ocr"}]}',
    message: "c.json:2:1: /transforms/0/tool: this key occurs twice",
  },
  {
    what: "a duplicate key in other spelling",
    format: "json",
    text: '{"transforms":[{"tool":"ocr","params":{"a":1,"\\u0061":2}}]}',
    message: "c.json:1:46: /transforms/0/params/a: this key occurs twice",
  },
  {
    what: "a duplicate key in YAML",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    tool: ocr\n",
    message: "c.yaml:3:5: /transforms/0/tool: this key occurs twice",
  },
  {
    what: "an integer beyond 2^53",
    format: "json",
    text: '{"transforms":[{"tool":"ocr","params":{"id":9007199254740993}}]}',
    message:
      "c.json:1:45: /transforms/0/params/id: 9007199254740993 is an integer beyond ±(2^53−1)",
    hint: "quote it to keep every digit, or write it with an exponent to mean the nearest double",
  },
  {
    what: "the same in YAML",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: {id: -9007199254740992}\n",
    message:
      "c.yaml:3:18: /transforms/0/params/id: -9007199254740992 is an integer beyond ±(2^53−1)",
    hint: "quote it to keep every digit, or write it with an exponent to mean the nearest double",
  },
  {
    what: "overflow",
    format: "json",
    text: '{"transforms":[{"tool":"ocr","params":{"x":1e400}}]}',
    message: "c.json:1:44: /transforms/0/params/x: 1e400 is too large for a double",
    hint: "quote it to keep it as text",
  },
  {
    what: "underflow",
    format: "json",
    text: '{"transforms":[{"tool":"ocr","params":{"x":-1e-400}}]}',
    message:
      "c.json:1:44: /transforms/0/params/x: -1e-400 is too small for a double: it would become 0",
  },
  {
    what: "nesting of 65",
    format: "json",
    text: `{"transforms":[{"tool":"ocr","params":{"x":${"[".repeat(61)}${"]".repeat(61)}}}]}`,
    message:
      "c.json:1:104: /transforms/0/params/x/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0: nested deeper than 64 levels",
  },
  {
    what: "no transforms",
    format: "yaml",
    text: "name: x\n",
    message: 'c.yaml:1:1: "transforms" is missing',
  },
  {
    what: "an empty list of transforms",
    format: "yaml",
    text: "transforms: []\n",
    message: "c.yaml:1:13: /transforms: an empty list; it needs at least one item",
  },
  {
    what: "transforms that are no list",
    format: "yaml",
    text: "transforms: {tool: ocr}\n",
    message: "c.yaml:1:13: /transforms: expected a list, found an object",
  },
  {
    what: "a transform without tool",
    format: "yaml",
    text: "transforms:\n  - model: gpt\n",
    message: 'c.yaml:2:5: /transforms/0: "tool" is missing',
  },
  {
    what: "an empty tool",
    format: "yaml",
    text: 'transforms:\n  - tool: ""\n',
    message: "c.yaml:2:11: /transforms/0/tool: an empty string",
  },
  {
    what: "a misspelt key that has to be there",
    format: "json",
    text: '{"transforms":[{"tol":"ocr"}]}',
    message: 'c.json:1:17: /transforms/0/tol: unknown key "tol"; did you mean "tool"?',
  },
  {
    what: "an unknown key",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    parms: {dpi: 300}\n",
    message: 'c.yaml:3:5: /transforms/0/parms: unknown key "parms"; did you mean "params"?',
  },
  {
    what: "an unknown key near nothing",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\nretries: 3\n",
    message: 'c.yaml:3:1: /retries: unknown key "retries"',
    hint: "known here: $schema, name, inputs, command, transforms, outputs, pass_env, metadata",
  },
  {
    what: "a key in camel case",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    toolVersion: '1'\n",
    message:
      'c.yaml:3:5: /transforms/0/toolVersion: unknown key "toolVersion"; did you mean "tool_version"?',
  },
  {
    what: "a version that is a number",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    tool_version: 1.10\n",
    message: "c.yaml:3:19: /transforms/0/tool_version: expected a string, found 1.10",
    hint: 'quote it: "1.10"',
  },
  {
    what: "a model that is a boolean",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    model: true\n",
    message: "c.yaml:3:12: /transforms/0/model: expected a string, found true",
    hint: 'quote it: "true"',
  },
  {
    what: "a null outside params and value",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    model: null\n",
    message: "c.yaml:3:12: /transforms/0/model: null is allowed only inside params and value",
  },
  {
    what: "a null in metadata",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\nmetadata: {owner: null}\n",
    message: "c.yaml:3:19: /metadata/owner: null is allowed only inside params and value",
  },
  {
    what: "code and code_hash",
    format: "yaml",
    text: 'transforms:\n  - tool: ocr\n    code: ["*.py"]\n    code_hash: "sha256:abc"\n',
    message:
      "c.yaml:4:16: /transforms/0/code_hash: code and code_hash are given; one of the two is allowed",
  },
  {
    what: "a code_hash without word",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    code_hash: abc123\n",
    message:
      'c.yaml:3:16: /transforms/0/code_hash: expected a word, a colon and 1 to 256 printable ASCII characters, found "abc123"',
  },
  {
    what: "a bad pattern",
    format: "yaml",
    text: 'transforms:\n  - tool: ocr\n    code: ["src/[ab].py"]\n',
    message: 'c.yaml:3:12: /transforms/0/code/0: the pattern "src/[ab].py" has "[" at character 5',
    hint: "a pattern is a relative path in which * is any run of characters but /, ? one character and ** as a whole segment any number of folders",
  },
  {
    what: "env with a value",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    env: [TOKEN=hunter2]\n",
    message: "c.yaml:3:11: /transforms/0/env/0: expected the name of a variable, without a value",
  },
  {
    what: "env as an object",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    env: {REGION: eu}\n",
    message: "c.yaml:3:10: /transforms/0/env: expected a list, found an object",
  },
  {
    what: "params as a list",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: [dpi]\n",
    message: "c.yaml:3:13: /transforms/0/params: expected an object, found a list",
  },
  {
    what: "an input without name",
    format: "yaml",
    text: "inputs:\n  - path: ./docs\ntransforms:\n  - tool: ocr\n",
    message: 'c.yaml:2:5: /inputs/0: "name" is missing',
  },
  {
    what: "an input that is nothing",
    format: "yaml",
    text: "inputs:\n  - name: docs\ntransforms:\n  - tool: ocr\n",
    message: "c.yaml:2:5: /inputs/0: needs exactly one of path, pack, value and digest",
  },
  {
    what: "an input that is two things",
    format: "yaml",
    text: "inputs:\n  - {name: docs, path: ./docs, value: 1}\ntransforms:\n  - tool: ocr\n",
    message:
      "c.yaml:2:5: /inputs/0: has path and value; exactly one of path, pack, value and digest is allowed",
  },
  {
    what: "an input name with a space",
    format: "yaml",
    text: "inputs:\n  - {name: raw docs, path: ./docs}\ntransforms:\n  - tool: ocr\n",
    message:
      'c.yaml:2:12: /inputs/0/name: expected 1 to 128 of A-Z a-z 0-9 . _ -, not starting with . or -, found "raw docs"',
  },
  {
    what: "two inputs of one name",
    format: "yaml",
    text: "inputs:\n  - {name: docs, path: ./a}\n  - {name: docs, path: ./b}\ntransforms:\n  - tool: ocr\n",
    message: 'c.yaml:3:12: /inputs/1/name: two inputs are called "docs"',
  },
  {
    what: "an upper-case digest",
    format: "yaml",
    text: 'inputs:\n  - {name: docs, digest: "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}\ntransforms:\n  - tool: ocr\n',
    message:
      'c.yaml:2:26: /inputs/0/digest: expected sha256: or dirHash1: and 64 lower-case hex digits, found "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"',
  },
  {
    what: "a short pack URI",
    format: "yaml",
    text: 'inputs:\n  - {name: docs, pack: "ctx://sha256:32f300"}\ntransforms:\n  - tool: ocr\n',
    message:
      'c.yaml:2:24: /inputs/0/pack: expected ctx://sha256: and 64 lower-case hex digits, found "ctx://sha256:32f300"',
  },
  {
    what: "a pack pinned by a file's digest",
    format: "yaml",
    text: 'inputs:\n  - {name: docs, pack: "ctx://sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", digest: "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}\ntransforms:\n  - tool: ocr\n',
    message: "c.yaml:2:113: /inputs/0/digest: expected dirHash1:, the digest of a pack's output",
  },
  {
    what: "exclude on a value",
    format: "yaml",
    text: 'inputs:\n  - {name: docs, value: 1, exclude: ["x"]}\ntransforms:\n  - tool: ocr\n',
    message: "c.yaml:2:37: /inputs/0/exclude: exclude needs a path or a pack",
  },
  {
    what: "an empty command",
    format: "yaml",
    text: "command: []\ntransforms:\n  - tool: ocr\n",
    message: "c.yaml:1:10: /command: an empty list; it needs at least one item",
  },
  {
    what: "a command with a number",
    format: "yaml",
    text: "command: [python, run.py, 3]\ntransforms:\n  - tool: ocr\n",
    message: "c.yaml:1:27: /command/2: expected a string, found 3",
    hint: 'quote it: "3"',
  },
  {
    what: "two outputs of one name",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\noutputs:\n  - path: a/out\n  - path: b/out/\n",
    message: 'c.yaml:5:5: /outputs/1: two outputs are called "out"',
    hint: "give one of them another name",
  },
  {
    what: "an output name with a slash",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\noutputs:\n  - {path: out, name: a/b}\n",
    message:
      'c.yaml:4:23: /outputs/0/name: expected one path segment: 1 to 255 characters, no slash, not . or .., found "a/b"',
  },
  {
    what: "a tab as indentation",
    format: "yaml",
    text: "transforms:\n\t- tool: ocr\n",
    message: "c.yaml:2:1: not valid YAML: tabs are not allowed as indentation",
  },
  {
    what: "nested mapping on a line",
    format: "yaml",
    text: "transforms: tool: ocr\n",
    message: "c.yaml:1:13: not valid YAML: nested mappings are not allowed in compact mappings",
  },
  {
    what: "an anchor",
    format: "yaml",
    text: "transforms:\n  - tool: &t ocr\n",
    message: "c.yaml:2:11: /transforms/0/tool: an anchor: &t",
    hint: "a contract is JSON, also in YAML",
  },
  {
    what: "an alias",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    model: *t\n",
    message: "c.yaml:3:12: /transforms/0/model: an alias: *t",
    hint: "a contract is JSON, also in YAML",
  },
  {
    what: "a tag",
    format: "yaml",
    text: "transforms:\n  - tool: !!str 1\n",
    message: "c.yaml:2:11: /transforms/0/tool: a tag: !!str",
    hint: "a contract is JSON, also in YAML",
  },
  {
    what: "a merge key",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params:\n      <<: {a: 1}\n",
    message: "c.yaml:4:7: /transforms/0/params: a merge key",
    hint: "write the members out",
  },
  {
    what: "a directive",
    format: "yaml",
    text: "%YAML 1.1\n---\ntransforms: []\n",
    message: "c.yaml:1:1: a directive: %YAML 1.1",
    hint: "a contract is JSON, also in YAML",
  },
  {
    what: "two documents",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n---\na: 1\n",
    message: "c.yaml:3:1: a second YAML document",
    hint: "a contract is one document",
  },
  {
    what: "a key that is a list",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: {[a]: 1}\n",
    message: "c.yaml:3:14: /transforms/0/params: a key that is not a string",
    hint: "keys are strings",
  },
  {
    what: "a key that is a number",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: {1: one}\n",
    message: "c.yaml:3:14: /transforms/0/params: the key 1 is no string",
    hint: 'quote it: "1"',
  },
  {
    what: "yes",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: {clean: yes}\n",
    message: "c.yaml:3:21: /transforms/0/params/clean: yes can be read as a boolean",
    hint: 'quote it: "yes"',
  },
  {
    what: "a tilde",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: {x: ~}\n",
    message: "c.yaml:3:17: /transforms/0/params/x: ~ can be read as null",
    hint: 'quote it: "~"',
  },
  {
    what: "nothing",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params:\n      x:\n",
    message: "c.yaml:4:9: /transforms/0/params/x: nothing is written, which YAML reads as null",
    hint: 'quote it: "" is an empty string, null is written null',
  },
  {
    what: "an octal number",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: {mode: 012}\n",
    message: "c.yaml:3:20: /transforms/0/params/mode: 012 can be read as a number",
    hint: 'quote it: "012"',
  },
  {
    what: "a hexadecimal number",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: {mask: 0x1F}\n",
    message: "c.yaml:3:20: /transforms/0/params/mask: 0x1F can be read as a number",
    hint: 'quote it: "0x1F"',
  },
  {
    what: "a number with underscores",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: {count: 1_000}\n",
    message: "c.yaml:3:21: /transforms/0/params/count: 1_000 can be read as a number",
    hint: 'quote it: "1_000"',
  },
  {
    what: "a fraction without a digit before it",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: {t: .5}\n",
    message: "c.yaml:3:17: /transforms/0/params/t: .5 can be read as a number",
    hint: 'quote it: ".5"',
  },
  {
    what: "infinity",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: {t: .inf}\n",
    message: "c.yaml:3:17: /transforms/0/params/t: .inf can be read as a number",
    hint: 'quote it: ".inf"',
  },
  {
    what: "a date",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: {since: 2026-01-01}\n",
    message: "c.yaml:3:21: /transforms/0/params/since: 2026-01-01 can be read as a date",
    hint: 'quote it: "2026-01-01"',
  },
  {
    what: "a time",
    format: "yaml",
    text: "transforms:\n  - tool: ocr\n    params: {at: 12:30}\n",
    message: "c.yaml:3:18: /transforms/0/params/at: 12:30 can be read as a number in base 60",
    hint: 'quote it: "12:30"',
  },
  {
    what: "a resolved contract with a label",
    format: "json",
    text: '{"inputs":[],"name":"x","schema":"ctxpack.contract/v1","transforms":[{"tool":"ocr"}]}',
    message: 'c.json:1:14: /name: unknown key "name"',
    hint: "known here: command, inputs, map, schema, transforms",
  },
  {
    what: "another schema",
    format: "json",
    text: '{"inputs":[],"schema":"ctxpack.contract/v2","transforms":[{"tool":"ocr"}]}',
    message: 'c.json:1:23: /schema: expected "ctxpack.contract/v1"',
  },
  {
    what: "a map over an input that is not there",
    format: "json",
    text: '{"inputs":[],"map":{"input":"docs","out":"x"},"schema":"ctxpack.contract/v1","transforms":[{"tool":"ocr"}]}',
    message: 'c.json:1:29: /map/input: no input is called "docs"',
  },
  {
    what: "an empty params in a resolved contract",
    format: "json",
    text: '{"inputs":[],"schema":"ctxpack.contract/v1","transforms":[{"params":{},"tool":"ocr"}]}',
    message: "c.json:1:69: /transforms/0/params: an empty object",
    hint: "leave it out",
  },
  {
    what: "an input that is null",
    format: "json",
    text: '{"inputs":[null],"transforms":[{"tool":"ocr"}]}',
    message: "c.json:1:12: /inputs/0: null is allowed only inside params and value",
  },
  {
    what: "an input that is a string",
    format: "yaml",
    text: "inputs: [docs]\ntransforms: [{tool: ocr}]\n",
    message: "c.yaml:1:10: /inputs/0: expected an object, found a string",
  },
  {
    what: "a scalar that would steer the terminal",
    format: "yaml",
    text: "transforms: [{tool: ocr, params: {at: 2026-01-01 00:00:00\u009b31m}}]\n",
    message:
      "c.yaml:1:39: /transforms/0/params/at: 2026-01-01 00:00:00\\u009b31m can be read as a date",
    hint: 'quote it: "2026-01-01 00:00:00\\u009b31m"',
  },
];

describe("what a user sees of a contract that breaks a rule", () => {
  it.each(rows)("$what", ({ format, text, message, hint }) => {
    const error = errorOf(() => parseContract(text, { file: `c.${format}` }));
    expect(error.code).toBe("CTXPACK_E_CONTRACT");
    expect(error.message).toBe(message);
    expect(error.hint).toBe(hint);
    const { file, line, column } = error.details;
    expect(message.startsWith(`${file}:${line}:${column}: `)).toBe(true);
  });

  it("never repeats the value of a variable", () => {
    const text = "transforms:\n  - {tool: ocr, env: [TOKEN=hunter2]}\n";
    const error = errorOf(() => parseContract(text, { file: "c.yaml" }));
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain("hunter2");
  });

  it("comes at once, also when everything in a megabyte is wrong", () => {
    // A copy of all errors for each of them would take minutes here.
    const text = `{"transforms":[${"0,".repeat(500_000)}0]}`;
    const error = errorOf(() => parseContract(text, { file: "c.json" }));
    expect(error.message).toBe("c.json:1:16: /transforms/0: expected an object, found 0");
    const nulls = `{"transforms":[{"tool":"t"}],"metadata":{"a":[${"null,".repeat(500_000)}null]}}`;
    expect(() => parseContract(nulls, { file: "c.json" })).toThrow(
      "/metadata/a/0: null is allowed",
    );
  });

  it("names the first of several in the order of the text", () => {
    const text = "name: ''\ntransforms: []\nretries: 1\n";
    const error = errorOf(() => parseContract(text, { file: "c.yaml" }));
    expect(error.message).toBe("c.yaml:1:7: /name: an empty string");
  });
});

function errorOf(work: () => unknown): CtxPackError {
  try {
    work();
  } catch (error) {
    if (CtxPackError.isInstance(error)) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
