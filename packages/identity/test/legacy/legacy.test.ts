import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { legacyBytes, legacyUri, sha256 } from "@ctxpack/identity";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const python = spawnSync("python3", ["--version"]).status === 0;
if (!python) console.warn("skipped: the v0 profile against Python itself needs python3");

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ctxpack-legacy-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("legacyBytes", () => {
  it.skipIf(!python)("writes numbers, strings and keys as Python does", () => {
    const double = fc.double({ noNaN: true, noDefaultInfinity: true });
    const number = fc.oneof(
      double.map(String),
      double.map((value) => value.toExponential()),
      fc.integer().map((value) => `${value}.0`),
      fc.bigInt().map(String),
      fc.constantFrom(
        "-0",
        "-0.0",
        "1e16",
        "1e15",
        "123456789012345680.0",
        "1e-4",
        "1e-5",
        "1e400",
      ),
    );
    const text = fc.string({ unit: "grapheme" }).map((value) => JSON.stringify(value));
    const member = fc.tuple(text, fc.oneof(number, text)).map(([key, value]) => `${key}:${value}`);
    const object = fc.array(member, { maxLength: 8 }).map((members) => `{${members.join(",")}}`);
    const samples = fc.sample(object, { numRuns: 1000, seed: 1 });
    const program =
      "import json,sys\nfor line in sys.stdin.buffer.read().decode().split('\\0'):\n" +
      " sys.stdout.buffer.write(json.dumps(json.loads(line),sort_keys=True).encode()+b'\\n')";
    const expected = execFileSync("python3", ["-c", program], { input: samples.join("\0") });
    const found = samples.map((sample) => new TextDecoder().decode(legacyBytes(sample)));
    expect(found).toEqual(expected.toString().split("\n").slice(0, -1));
  });

  it("refuses what is no JSON object, and a path without digest", () => {
    expect(() => legacyBytes("[]")).toThrow("v0 contract: not a JSON object");
    expect(() => legacyBytes('{"inputs":[{"path":"docs"}]}')).toThrow("no digest is given");
  });
});

describe("legacyUri", () => {
  it.skipIf(!python)("digests a folder as the prototype did", async () => {
    for (const path of ["b", "a/c", "a.b", "a-b/z", "\ufb33", "\u{1f600}", "a/é", ".hidden"]) {
      mkdirSync(dirname(join(folder, "docs", path)), { recursive: true });
      writeFileSync(join(folder, "docs", path), `text of ${path}`);
    }
    symlinkSync("a", join(folder, "docs/folder-link"));
    symlinkSync("a/c", join(folder, "docs/file-link"));
    symlinkSync("gone", join(folder, "docs/dangling"));
    const program = [
      "import hashlib,sys",
      "from pathlib import Path",
      "h=hashlib.sha256(); r=Path(sys.argv[1])",
      "for p in sorted(r.rglob('*')):",
      "    if p.is_file(): h.update(str(p.relative_to(r)).encode()); h.update(p.read_bytes())",
      "print(h.hexdigest(),end='')",
    ].join("\n");
    const env = { ...process.env, PYTHONUTF8: "1" };
    const digest = execFileSync("python3", ["-c", program, join(folder, "docs")], {
      env,
    }).toString();
    const bytes = new TextEncoder().encode(`{"inputs": [{"digest": "${digest}", "name": "d"}]}`);
    const text = '{"inputs":[{"name":"d","path":"docs"}],"outputs":[{"path":"out"}]}';
    expect(await legacyUri(text, { baseDir: folder })).toBe(`ctx://${sha256(bytes)}`);
  });

  it("names a folder that is not there, and throws the signal's reason", async () => {
    const text = '{"inputs":[{"path":"nope"}]}';
    await expect(legacyUri(text, { baseDir: folder })).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
      message: `${join(folder, "nope")} is not a folder`,
    });
    const reason = new Error("enough");
    await expect(legacyUri(text, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
