import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  type Contract,
  CtxPackError,
  type Digest,
  hashTree,
  parseContract,
  type Resolution,
  type ResolveOptions,
  readContract,
  resolveContract,
  sha256,
} from "@ctxpack/identity";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ctxpack-resolve-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("inputs", () => {
  it("are the sha256 of a file, whatever its name, and the dirHash1 of a folder", async () => {
    write("docs/a.md", "a");
    write("prompt.txt", "hello");
    write("renamed.txt", "hello");
    const { resolved } = await resolve(
      "inputs: [{name: d, path: docs}, {name: f, path: prompt.txt}]",
    );
    const tree = await hashTree(join(folder, "docs"));
    expect(resolved.inputs).toEqual([
      { digest: tree.digest, name: "d" },
      { digest: sha256(Buffer.from("hello")), name: "f" },
    ]);
    const renamed = await resolve("inputs: [{name: d, path: docs}, {name: f, path: renamed.txt}]");
    expect(renamed.resolved).toEqual(resolved);
  });

  it("that do not exist are named with their place", async () => {
    const error = await refusal(resolve("inputs:\n  - {name: d, path: ./nope}"));
    expect(error.code).toBe("CTXPACK_E_PATH_NOT_FOUND");
    expect(error.message).toBe(`${folder}/c.yaml:2:21: /inputs/0/path: ./nope does not exist`);
    expect(error.details).toMatchObject({ line: 2, column: 21, pointer: "/inputs/0/path" });
  });

  it("that are files have no include or exclude", async () => {
    write("f.txt", "x");
    const error = await refusal(resolve("inputs:\n  - {name: f, path: f.txt, exclude: [a]}"));
    expect(error.message).toMatch(/c\.yaml:2:37: \/inputs\/0\/exclude: exclude needs a folder/);
  });

  it("with a pattern that matches nothing are refused at their place", async () => {
    write("docs/a.md", "a");
    const error = await refusal(resolve('inputs:\n  - {name: d, path: docs, include: ["*.pdf"]}'));
    expect(error.code).toBe("CTXPACK_E_TREE");
    expect(error.message).toMatch(/c\.yaml:2:21: \/inputs\/0\/path: .*\*\.pdf/);
  });

  it("with a tree that has no identity are refused at their place", async () => {
    write("docs/a.md", "a");
    symlinkSync("gone", join(folder, "docs/link"));
    const error = await refusal(resolve("inputs:\n  - {name: d, path: docs}"));
    expect(error.code).toBe("CTXPACK_E_TREE");
    expect(error.message).toMatch(/c\.yaml:2:21: \/inputs\/0\/path: .*link/);
    expect(CtxPackError.isInstance(error.cause)).toBe(true);
  });

  it("bring the lines of every folder to onListing", async () => {
    write("docs/a.md", "a");
    write("run.py", "1");
    const listings: string[] = [];
    await resolve("inputs: [{name: d, path: docs}]\ncode", {
      onListing: ({ pointer, digest, lines }) => {
        const hex = createHash("sha256").update(lines).digest("hex");
        expect(digest).toBe(`dirHash1:${hex}`);
        listings.push(`${pointer} ${new TextDecoder().decode(lines).slice(66)}`);
      },
    });
    expect(listings).toEqual(["/inputs/0/path a.md\n", "/transforms/0/code run.py\n"]);
  });
});

describe("transforms", () => {
  it("have env as digests, null when unset, and no value anywhere", async () => {
    const { bytes, resolved } = await resolve("env: [SET, EMPTY, UNSET, toString]", {
      env: { SET: "s3cr3t value", EMPTY: "" },
    });
    expect(resolved.transforms[0]?.env).toEqual({
      EMPTY: sha256(new Uint8Array()),
      SET: sha256(Buffer.from("s3cr3t value")),
      UNSET: null,
      toString: null,
    });
    expect(new TextDecoder().decode(bytes)).not.toContain("s3cr3t");
  });

  it("refuse to guess at env", async () => {
    const { env: _, ...options } = { env: 1 };
    const error = await refusal(resolveContract(parse("env: [HOME]"), options));
    expect(error.code).toBe("CTXPACK_E_USAGE");
    expect(error.message).toMatch(/\/transforms\/0\/env: /);
  });

  it("have code hashed over the contract's folder only", async () => {
    write("run.py", "1");
    write("elsewhere/other.txt", "2");
    symlinkSync("dangling", join(folder, "elsewhere/broken"));
    const { resolved } = await resolve("code");
    const line = `${createHash("sha256").update("1").digest("hex")}  run.py\n`;
    const hex = createHash("sha256").update(line).digest("hex");
    expect(resolved.transforms[0]?.code_hash).toBe(`dirHash1:${hex}`);
  });
});

describe("packs", () => {
  const uri = `ctx://sha256:${"1".repeat(64)}` as const;
  const digest = (text: string): Digest => sha256(Buffer.from(text));

  it("have the digest their output has as a folder", async () => {
    write("out/a.json", "A");
    write("out/deep/b.json", "B");
    write("out/log.txt", "L");
    const rows = [
      { path: "log.txt", digest: digest("L") },
      { path: "deep/b.json", digest: digest("B") },
      { path: "a.json", digest: digest("A") },
    ];
    const packs = { lines: async () => rows };
    const whole = await resolve(`inputs: [{name: p, pack: "${uri}"}]`, { packs });
    const tree = await hashTree(join(folder, "out"));
    expect(whole.resolved.inputs).toEqual([{ digest: tree.digest, name: "p" }]);
    expect(whole.packs).toEqual([{ name: "p", uri, digest: tree.digest }]);
    const exclude = ["*.txt"];
    const part = await resolve(`inputs: [{name: p, pack: "${uri}", exclude: ["*.txt"]}]`, {
      packs,
    });
    const partTree = await hashTree(join(folder, "out"), { exclude });
    expect(part.resolved.inputs).toEqual([{ digest: partTree.digest, name: "p" }]);
    const none = resolve(`inputs: [{name: p, pack: "${uri}", include: ["*.pdf"]}]`, { packs });
    expect((await refusal(none)).message).toMatch(
      /\/inputs\/0\/pack: no file of .* matches "\*\.pdf"/,
    );
  });

  it("are held to their pin", async () => {
    const packs = { lines: async () => [{ path: "a", digest: digest("A") }] };
    const free = await resolve(`inputs: [{name: p, pack: "${uri}"}]`, { packs });
    const pin = free.packs[0]?.digest;
    const pinned = await resolve(`inputs: [{name: p, pack: "${uri}", digest: "${pin}"}]`, {
      packs,
    });
    expect(pinned.uri).toBe(free.uri);
    const other = `dirHash1:${"2".repeat(64)}`;
    const text = `inputs: [{name: p, pack: "${uri}", digest: "${other}"}]`;
    const error = await refusal(resolve(text, { packs }));
    expect(error.code).toBe("CTXPACK_E_CONFLICT");
    expect(error.details).toMatchObject({ expected: other, found: pin, pointer: "/inputs/0/pack" });
    // Nobody has it, or nobody is asked: the pin says what it is.
    const absent = {
      lines: async () => {
        throw new CtxPackError("CTXPACK_E_NOT_FOUND", "no such pack");
      },
    };
    for (const options of [{}, { packs: absent }]) {
      expect((await resolve(text, options)).resolved.inputs).toEqual([
        { digest: other, name: "p" },
      ]);
    }
    const missing = refusal(resolve(`inputs: [{name: p, pack: "${uri}"}]`, { packs: absent }));
    expect((await missing).code).toBe("CTXPACK_E_NOT_FOUND");
    const unasked = refusal(resolve(`inputs: [{name: p, pack: "${uri}"}]`));
    expect((await unasked).code).toBe("CTXPACK_E_USAGE");
  });
});

describe("outputs", () => {
  it.each([
    ["within a whole folder", "inputs: [{name: d, path: docs}]", "docs/out"],
    ["the folder itself", "inputs: [{name: d, path: docs}]", "docs"],
    ["around the input", "inputs: [{name: d, path: docs/sub}]", "docs"],
    ["the input file", "inputs: [{name: d, path: docs/a.md}]", "docs/a.md"],
    ["around the input file", "inputs: [{name: d, path: docs/a.md}]", "docs"],
    ["by pattern", 'inputs: [{name: d, path: ., include: ["docs/*"]}]', "docs/out"],
    [
      "a folder whose files are selected",
      'inputs: [{name: d, path: ., include: ["docs/*.md"]}]',
      "docs",
    ],
    [
      "a file that is selected",
      'inputs: [{name: d, path: ., include: ["docs/*.md"]}]',
      "docs/x.md",
    ],
    ["through a link", "inputs: [{name: d, path: docs}]", "link/out"],
    ["code", "code", "run.py"],
    ["around the code", "code", "."],
  ])("may not overlap: %s", async (_, text, output) => {
    write("docs/a.md", "a");
    write("docs/sub/b.md", "b");
    write("run.py", "1");
    symlinkSync("docs", join(folder, "link"));
    const error = await refusal(resolve(`${text}\noutputs: [{path: ${output}}]`));
    expect(error.code).toBe("CTXPACK_E_CONTRACT");
    expect(error.message).toMatch(
      /\/outputs\/0\/path: this output overlaps what \/(inputs|transforms)\/0/,
    );
  });

  it.each([
    ["beside it", "inputs: [{name: d, path: docs}]", "out"],
    ["a sibling that begins alike", "inputs: [{name: d, path: docs}]", "docs-out"],
    ["excluded", 'inputs: [{name: d, path: ., exclude: ["out/**"]}]', "out"],
    ["not matched", 'inputs: [{name: d, path: ., include: ["docs/**"]}]', "out"],
    ["other files than the pattern's", 'inputs: [{name: d, path: ., include: ["**/*.md"]}]', "out"],
    ["code elsewhere", "code", "out"],
    ["above everything, elsewhere", "inputs: [{name: d, path: docs}]", "../elsewhere"],
  ])("may lie %s", async (_, text, output) => {
    write("docs/a.md", "a");
    write("run.py", "1");
    await resolve(`${text}\noutputs: [{path: ${output}}]`);
  });
});

describe("resolveContract", () => {
  it("does not depend on where the contract lies", async () => {
    write("one/docs/a.md", "a");
    write("two/deep/docs/a.md", "a");
    const text = "inputs: [{name: d, path: ./docs}]\ntransforms: [{tool: x}]\n";
    write("one/c.yaml", text);
    write("two/deep/c.yml", text);
    const uris = await Promise.all(
      ["one/c.yaml", "two/deep/c.yml"].map(async (file) => {
        return (await resolveContract(await readContract(join(folder, file)))).uri;
      }),
    );
    expect(uris[0]).toBe(uris[1]);
  });

  it("takes a value, and holds it to the rules of a text", async () => {
    write("docs/a.md", "a");
    const contract: Contract = {
      inputs: [{ name: "d", path: "docs" }],
      transforms: [{ tool: "x" }],
    };
    const fromText = await resolve("inputs: [{name: d, path: docs}]");
    expect((await resolveContract(contract, { baseDir: folder })).uri).toBe(fromText.uri);
    const broken = { transforms: [{ tool: "x", parms: {} }] } as unknown as Contract;
    expect((await refusal(resolveContract(broken))).message).toBe(
      'contract: /transforms/0/parms: unknown key "parms"; did you mean "params"?',
    );
    const hole = { transforms: [{ tool: "x", params: { a: undefined } }] } as unknown as Contract;
    expect((await refusal(resolveContract(hole))).message).toMatch(
      "/transforms/0/params/a: undefined",
    );
  });

  it("refuses more than 1 MiB of canonical bytes", async () => {
    const value = "x".repeat(1024 * 1024);
    const error = await refusal(
      resolveContract({ inputs: [{ name: "v", value }], transforms: [{ tool: "x" }] }),
    );
    expect(error.code).toBe("CTXPACK_E_CONTRACT");
    expect(error.hint).toBe("make large values a file and name it as an input");
  });

  it("throws the signal's reason", async () => {
    write("docs/a.md", "a");
    const reason = new Error("enough");
    const aborted = AbortSignal.abort(reason);
    await expect(resolve("inputs: [{name: d, path: docs}]", { signal: aborted })).rejects.toBe(
      reason,
    );
    await expect(readContract(join(folder, "c.yaml"), { signal: aborted })).rejects.toBe(reason);
    const controller = new AbortController();
    const packs = {
      lines: async () => {
        controller.abort(reason);
        throw new CtxPackError("CTXPACK_E_NOT_FOUND", "stopped");
      },
    };
    const text = `inputs: [{name: p, pack: "ctx://sha256:${"1".repeat(64)}"}]`;
    await expect(resolve(text, { packs, signal: controller.signal })).rejects.toBe(reason);
  });
});

describe("readContract", () => {
  it("names what it cannot read", async () => {
    const missing = await refusal(readContract(join(folder, "no.json")));
    expect([missing.code, missing.message]).toEqual([
      "CTXPACK_E_PATH_NOT_FOUND",
      `${folder}/no.json: no such contract file`,
    ]);
    expect((await refusal(readContract(folder))).message).toBe(
      `${folder}: a folder, not a contract file`,
    );
    symlinkSync("loop", join(folder, "loop"));
    const loop = await refusal(readContract(join(folder, "loop")));
    expect([loop.code, loop.message]).toEqual([
      "CTXPACK_E_PATH_NOT_FOUND",
      `${folder}/loop: leads to no contract file (ELOOP)`,
    ]);
    const long = await refusal(readContract(join(folder, "c".repeat(300))));
    expect(long.code).toBe("CTXPACK_E_PATH_NOT_FOUND");
  });

  it("does not read a huge file to its end", async () => {
    // A device without an end: only a bound on what is read comes back from it.
    const error = await refusal(readContract("/dev/zero"));
    expect(error.message).toBe("/dev/zero: longer than 4 MiB, the limit for a contract");
  });

  it("stops waiting for a FIFO that nobody writes to", async () => {
    const fifo = join(folder, "c.json");
    execFileSync("mkfifo", [fifo]);
    const controller = new AbortController();
    const reading = readContract(fifo, { signal: controller.signal });
    const reason = new Error("enough");
    setImmediate(() => controller.abort(reason));
    await expect(reading).rejects.toBe(reason);
    // Lets go of the thread that is still opening it.
    writeFileSync(fifo, "");
  });

  it("says when it may not read", async () => {
    write("c.json", "{}");
    chmodSync(join(folder, "c.json"), 0);
    chmodSync(folder, 0o755);
    // Root may read everything: this process is somebody else for a while.
    const root = process.geteuid?.() === 0;
    if (root) process.seteuid?.(65_534);
    try {
      const error = await refusal(readContract(join(folder, "c.json")));
      expect(error.code).toBe("CTXPACK_E_PERMISSION");
    } finally {
      if (root) process.seteuid?.(0);
    }
  });
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** A contract of one transform: `code` and `env: …` lines are its members, the rest is the contract's. */
function parse(text: string): ReturnType<typeof parseContract> {
  const lines = text.split("\n");
  const inside = lines.filter((line) => /^(?:code|env)\b/.test(line));
  const outside = lines.filter((line) => !inside.includes(line));
  const members = inside.map((line) => `\n    ${line === "code" ? 'code: ["*.py"]' : line}`);
  const transforms = `transforms:\n  - tool: x${members.join("")}\n`;
  return parseContract(`${outside.join("\n")}\n${transforms}`, { file: join(folder, "c.yaml") });
}

async function resolve(text: string, options: ResolveOptions = {}): Promise<Resolution> {
  return resolveContract(parse(text), options);
}

async function refusal(work: Promise<unknown>): Promise<CtxPackError> {
  try {
    await work;
  } catch (error) {
    if (CtxPackError.isInstance(error)) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
