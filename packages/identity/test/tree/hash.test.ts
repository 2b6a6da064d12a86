import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ProgressEvent } from "../../src/progress.ts";
import type { FileDigests } from "../../src/tree/digests.ts";
import { hashFile, hashTree } from "../../src/tree/hash.ts";
import { coreutilsDigest, failure, TestFolder } from "./folder.ts";

const pipeline = spawnSync("bash", ["-c", "find --version | grep -q GNU && sha256sum --version"]);
const noPipeline = pipeline.status !== 0;
if (noPipeline) console.warn("skipped: needs bash, GNU find and coreutils");

const noProc = process.platform !== "linux";
const openFiles = (): number => readdirSync("/proc/self/fd").length;

describe.skipIf(noPipeline)("hashTree says what find and sha256sum say", () => {
  const cases: Record<string, (folder: TestFolder) => void> = {
    "an empty folder": () => {},
    "only empty folders": (f) => f.folder("a/b/c"),
    "a file named -n": (f) => f.file("-n", "x"),
    "spaces, quotes and backslashes": (f) => {
      for (const name of [
        " a",
        "b ",
        "c d",
        "it's",
        'say "x"',
        "back\\slash",
        "tab\tname",
        "*?[",
      ]) {
        f.file(name);
      }
    },
    "dot files": (f) => {
      f.file(".hidden");
      f.file(".git/config");
      f.file("..x/...");
    },
    "empty files": (f) => {
      f.file("a", "");
      f.file("b/c", "");
    },
    "names around the slash": (f) => {
      for (const name of ["a/b", "a-b", "a.b", "a0b", "a b", "ab/c", "ab-/c"]) f.file(name);
    },
    "non-ASCII names in NFC": (f) => {
      for (const name of ["é", "日本語/文書.md", "😀", "\ue000", "\uffee", "z", "Ω/α", "\ufffd"]) {
        f.file(name);
      }
    },
    "links to files and folders": (f) => {
      f.file("real/a", "one");
      f.file("real/sub/b", "two");
      f.link("file", "real/a");
      f.link("folder", "real");
      f.link("again", "folder");
      f.link("deep/up", "../real/sub");
      f.link("z", "file");
    },
    "an absolute link that stays inside": (f) => {
      f.file("a", "one");
      f.link("b", join(f.path, "a"));
    },
    "10,000 small files": (f) => {
      for (let i = 0; i < 10_000; i++) f.file(`d${i % 100}/${i}`, `${i}`);
    },
    "files around the buffer's size": (f) => {
      for (const size of [262_143, 262_144, 262_145, 5_000_000]) {
        f.file(`${size}`, Buffer.alloc(size, `${size}`));
      }
    },
  };
  it.each(Object.entries(cases))("%s", async (_name, build) => {
    using folder = new TestFolder();
    build(folder);
    const tree = await hashTree(folder.path);
    expect(tree.digest).toBe(coreutilsDigest(folder.path));
    expect(`dirHash1:${createHash("sha256").update(tree.lines).digest("hex")}`).toBe(tree.digest);
  });

  it("random trees", async () => {
    const name = fc
      .string({
        unit: fc.constantFrom("a", "b", "-", ".", " ", "0", "é", "日", "😀", "\uf8ff"),
        minLength: 1,
        maxLength: 3,
      })
      .filter((text) => text !== "." && text !== "..");
    const path = fc.array(name, { minLength: 1, maxLength: 3 });
    const files = fc.array(fc.record({ path, content: fc.uint8Array({ maxLength: 20 }) }), {
      maxLength: 25,
    });
    await fc.assert(
      fc.asyncProperty(files, async (list) => {
        using folder = new TestFolder();
        for (const { path: parts, content } of list) {
          // `sha256sum -- -` reads its standard input: the one name the pipeline cannot hash.
          if (parts.join("/") === "-") continue;
          try {
            folder.file(parts.join("/"), content);
          } catch {
            // A file stands where a folder should: the tree has one file less.
          }
        }
        expect((await hashTree(folder.path)).digest).toBe(coreutilsDigest(folder.path));
      }),
      { numRuns: 40 },
    );
  });

  it("a tree that several threads share", async () => {
    using folder = new TestFolder();
    // Sparse files: 500 MB to hash, nothing to write.
    for (let i = 0; i < 20; i++) truncateSync(folder.file(`big/${i}`, ""), 25_000_000 + i);
    for (let i = 0; i < 300; i++) folder.file(`small/${i}`, `${i}`);
    folder.file("cafe\u0301/e\u0301", "decomposed");
    const events: ProgressEvent[] = [];
    const tree = await hashTree(folder.path, { onProgress: (event) => events.push(event) });
    const composed = coreutilsDigestOf(tree.lines);
    expect(composed).toBe(tree.digest);
    execFileSync("mv", [join(folder.path, "cafe\u0301"), join(folder.path, "café")]);
    execFileSync("mv", [join(folder.path, "café/e\u0301"), join(folder.path, "café/é")]);
    expect(tree.digest).toBe(coreutilsDigest(folder.path));
    const bytes = events.filter((event) => event.unit === "bytes");
    expect(bytes.at(-1)).toEqual({
      phase: "hash",
      unit: "bytes",
      done: tree.bytes,
      total: tree.bytes,
    });
    expect(bytes.map((event) => event.done)).toEqual(
      bytes.map((event) => event.done).toSorted((a, b) => a - b),
    );
  });
});

describe("hashTree", () => {
  it("puts names into NFC: published vector", async () => {
    using folder = new TestFolder();
    folder.file("cafe\u0301.txt", "x");
    const { lines, digest } = await hashTree(folder.path);
    const hex = createHash("sha256").update("x").digest("hex");
    expect(Buffer.from(lines).toString()).toBe(`${hex}  caf\u00e9.txt\n`);
    expect(digest).toBe(
      `dirHash1:${createHash("sha256").update(`${hex}  caf\u00e9.txt\n`).digest("hex")}`,
    );
  });

  it("counts a file named -, which sha256sum takes for its standard input", async () => {
    using folder = new TestFolder();
    folder.file("-", "x");
    const hex = createHash("sha256").update("x").digest("hex");
    expect(Buffer.from((await hashTree(folder.path)).lines).toString()).toBe(`${hex}  -\n`);
  });

  it("of an empty folder is the digest of nothing", async () => {
    using folder = new TestFolder();
    const tree = await hashTree(folder.path);
    expect(tree).toEqual({
      digest: "dirHash1:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      files: 0,
      bytes: 0,
      lines: new Uint8Array(),
    });
  });

  it("follows a root that is a link", async () => {
    using folder = new TestFolder();
    folder.file("real/a");
    folder.link("root", "real");
    const direct = await hashTree(join(folder.path, "real"));
    expect((await hashTree(join(folder.path, "root"))).digest).toBe(direct.digest);
  });

  it("counts what include says and exclude does not", async () => {
    using folder = new TestFolder();
    for (const path of ["a.md", "b.txt", "sub/c.md", "drafts/d.md"]) folder.file(path);
    const tree = await hashTree(folder.path, { include: ["**/*.md"], exclude: ["drafts/**"] });
    expect(paths(tree.lines)).toEqual(["a.md", "sub/c.md"]);
    expect(tree.files).toBe(2);
  });

  it("does not look at what is excluded", async () => {
    using folder = new TestFolder();
    folder.file("a.md");
    folder.link("bad/dangling", "nowhere");
    folder.link("bad/loop", ".");
    folder.link("out", "/");
    folder.file("new\nline");
    folder.file("bad/new\nline");
    const exclude = ["bad/**", "out/**", "out", "new*"];
    expect(paths((await hashTree(folder.path, { exclude })).lines)).toEqual(["a.md"]);
    const include = ["*.md"];
    expect(paths((await hashTree(folder.path, { include })).lines)).toEqual(["a.md"]);
  });

  it("names the includes that match nothing", async () => {
    using folder = new TestFolder();
    folder.file("a.md");
    folder.file("sub/x.md");
    folder.link("link", "sub");
    const error = await failure(
      hashTree(folder.path, { include: ["*.md", "*.pdf", "link"], exclude: [] }),
    );
    expect(error.code).toBe("CTXPACK_E_TREE");
    expect(error.message).toBe(`no file below ${folder.path} matches "*.pdf", "link"`);
    expect(error.details["unmatched"]).toEqual(["*.pdf", "link"]);
  });

  const bad: Record<string, [(folder: TestFolder) => void, string]> = {
    "a dangling link": [(f) => f.link("a/b", "nowhere"), "the link DIR/a/b leads to nothing"],
    "a link below a file": [
      (f) => f.link(f.file("f") && "b", "f/x"),
      "the link DIR/b leads to nothing",
    ],
    "a link to itself": [(f) => f.link("b", "b"), "the link DIR/b closes a cycle"],
    "a link to its folder": [
      (f) => f.link("a/b", "."),
      "DIR/a/b leads back to a folder that holds it",
    ],
    "a link to the root": [
      (f) => f.link("a/b", ".."),
      "DIR/a/b leads back to a folder that holds it",
    ],
    "a cycle that a plain folder closes": [
      (f) => {
        f.link("a/b/down", "../..");
        f.link("start", "a/b");
      },
      "DIR/a/b/down leads back to a folder that holds it",
    ],
    "a link that leaves": [
      (f) => f.link("a/b", "../../"),
      "the link DIR/a/b leaves the folder: it leads to PARENT",
    ],
    "a link to a device": [
      (f) => f.link("null", "/dev/null"),
      "the link DIR/null leaves the folder: it leads to /dev/null",
    ],
    "a newline in a file's name": [(f) => f.file("a\nb"), '"DIR/a\\nb" has a newline in its name'],
    "a newline in a folder's name": [
      (f) => f.file("a\nb/c"),
      '"DIR/a\\nb" has a newline in its name',
    ],
    "names equal after NFC": [
      (f) => ["é", "e\u0301"].map((name) => f.file(name)),
      "two names of DIR/é are equal after Unicode normalisation (NFC)",
    ],
    "a name that NFC makes ASCII": [
      (f) => ["K", "\u212a"].map((name) => f.file(name)),
      "two names of DIR/K are equal after Unicode normalisation (NFC)",
    ],
  };
  it.each(Object.entries(bad))("refuses %s", async (_name, [build, message]) => {
    using folder = new TestFolder();
    folder.file("good");
    build(folder);
    const error = await failure(hashTree(folder.path));
    expect(error.code).toBe("CTXPACK_E_TREE");
    const parent = folder.path.replace(/\/[^/]*$/, "");
    expect(error.message).toBe(message.replaceAll("DIR", folder.path).replace("PARENT", parent));
  });

  it.skipIf(noProc)("refuses a name that is not UTF-8", async () => {
    using folder = new TestFolder();
    folder.file("good\ufffd");
    const bytes = Buffer.concat([Buffer.from(`${folder.path}/sub`), Buffer.from([0x2f, 0xff])]);
    mkdirSync(join(folder.path, "sub"));
    writeFileSync(bytes, "x");
    const error = await failure(hashTree(folder.path));
    expect(error.message).toBe(`${folder.path}/sub/\ufffd has a name that is not valid Unicode`);
    expect((await hashTree(folder.path, { exclude: ["sub/**"] })).files).toBe(1);
  });

  it.skipIf(noProc)(
    "does not take a link whose name is not UTF-8 for one that dangles",
    async () => {
      using folder = new TestFolder();
      folder.file("real/x");
      symlinkSync("real", Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from([0xff])]));
      // As a folder it holds files that `*/x` selects: left out, it would change nothing.
      const error = await failure(hashTree(folder.path, { include: ["*/x"] }));
      expect(error.message).toBe(`${folder.path}/\ufffd has a name that is not valid Unicode`);
    },
  );

  it.skipIf(noPipeline)("leaves out FIFOs and does not wait for them", async () => {
    using folder = new TestFolder();
    folder.file("a");
    execFileSync("mkfifo", [join(folder.path, "fifo")]);
    folder.link("link", "fifo");
    expect(paths((await hashTree(folder.path)).lines)).toEqual(["a"]);
  });

  it("says which root does not exist or is no folder", async () => {
    using folder = new TestFolder();
    const missing = await failure(hashTree(join(folder.path, "x")));
    expect([missing.code, missing.message]).toEqual([
      "CTXPACK_E_PATH_NOT_FOUND",
      `${folder.path}/x does not exist`,
    ]);
    const file = await failure(hashTree(folder.file("f")));
    expect([file.code, file.message]).toEqual([
      "CTXPACK_E_TREE",
      `${folder.path}/f is not a folder`,
    ]);
  });

  const changes: Record<string, (path: string) => void> = {
    grew: (path) => appendFileSync(path, "x"),
    shrank: (path) => truncateSync(path, 1),
    "was rewritten in place, its mtime set back": (path) => {
      using file = openForWriting(path);
      writeSync(file.fd, "x", 0);
      utimesSync(path, 1e9, 1e9);
    },
    "was replaced": (path) => {
      writeFileSync(`${path}.new`, "x");
      renameSync(`${path}.new`, path);
    },
  };
  it.each(Object.entries(changes))(
    "refuses a file that %s while it was read",
    async (_what, change) => {
      using folder = new TestFolder();
      const big = folder.file("big", "");
      truncateSync(big, 400_000_000);
      utimesSync(big, 1e9, 1e9);
      let changed = false;
      const error = await failure(
        hashTree(folder.path, {
          onProgress: ({ unit, done }) => {
            if (unit !== "bytes" || done === 0 || changed) return;
            changed = true;
            change(big);
          },
        }),
      );
      expect(error.code).toBe("CTXPACK_E_TREE");
      expect(error.message).toBe(`${big} changed while it was read`);
    },
  );

  it.skipIf(noProc)("stops when aborted, in the middle, and leaves nothing open", async () => {
    using folder = new TestFolder();
    for (let i = 0; i < 8; i++) truncateSync(folder.file(`${i}`, ""), 300_000_000);
    const before = openFiles();
    const controller = new AbortController();
    const reason = new Error("enough");
    const hashing = hashTree(folder.path, {
      signal: controller.signal,
      onProgress: ({ unit, done }) => {
        if (unit === "bytes" && done > 0) controller.abort(reason);
      },
    });
    await expect(hashing).rejects.toBe(reason);
    expect(openFiles()).toBe(before);
    await expect(hashTree(folder.path, { signal: controller.signal })).rejects.toBe(reason);
  });

  it("lets timers run while it hashes", async () => {
    using folder = new TestFolder();
    truncateSync(folder.file("big", ""), 600_000_000);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await hashTree(folder.path);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  it("asks for known digests and tells the ones it read", async () => {
    using folder = new TestFolder();
    const file = folder.file("a", "content");
    folder.file("b", "other");
    const known = "0".repeat(64);
    const told: [string, string][] = [];
    const digests: FileDigests = {
      get: (path, state) =>
        path === file && state.size === 7n && state.ino === statSync(file, { bigint: true }).ino
          ? known
          : undefined,
      set: (path, _state, hex) => told.push([path, hex]),
    };
    const { lines } = await hashTree(folder.path, { digests });
    const hex = createHash("sha256").update("other").digest("hex");
    expect(Buffer.from(lines).toString()).toBe(`${known}  a\n${hex}  b\n`);
    expect(told).toEqual([[join(folder.path, "b"), hex]]);
  });
});

describe("a file that may not be read", () => {
  const nobody = process.getuid?.() === 0;
  const setpriv = spawnSync("setpriv", ["--reuid=65534", "--clear-groups", "true"]).status === 0;
  const cannot = nobody && !setpriv;
  if (cannot) console.warn("skipped: needs setpriv to read as another user than root");
  it.skipIf(cannot || process.platform === "win32")("is an error that names it", () => {
    using folder = new TestFolder();
    chmodSync(folder.path, 0o755);
    chmodSync(folder.file("secret"), 0);
    chmodSync(folder.folder("closed"), 0);
    const source = new URL("../../src/tree/hash.ts", import.meta.url).href;
    const run = (exclude: string) => {
      const script = `const { hashTree } = await import(${JSON.stringify(source)});
        await hashTree(${JSON.stringify(folder.path)}, { exclude: [${exclude}] })
          .then(() => console.log("fine"), (e) => console.log(e.code, e.message));`;
      const node = [process.execPath, "--input-type=module", "-e", script];
      const command = nobody ? ["setpriv", "--reuid=65534", "--clear-groups", ...node] : node;
      return execFileSync(command[0] ?? "", command.slice(1), {
        encoding: "utf8",
        cwd: "/",
      }).trim();
    };
    const denied = (name: string) =>
      `CTXPACK_E_PERMISSION ${join(folder.path, name)} may not be read`;
    expect(run('"closed/**"')).toBe(denied("secret"));
    expect(run('"secret"')).toBe(denied("closed"));
    expect(run('"secret","closed/**"')).toBe("fine");
  });
});

describe("hashFile", () => {
  it("is the SHA-256 of the bytes, through a link too", async () => {
    using folder = new TestFolder();
    folder.file("a", "content");
    folder.link("b", "a");
    const digest = `sha256:${createHash("sha256").update("content").digest("hex")}`;
    expect(await hashFile(join(folder.path, "a"))).toEqual({ digest, size: 7 });
    expect(await hashFile(join(folder.path, "b"))).toEqual({ digest, size: 7 });
  });

  it("reads more than 2 GiB", async () => {
    using folder = new TestFolder();
    const file = folder.file("big", "");
    truncateSync(file, 2 ** 31 + 5);
    const { digest, size } = await hashFile(file);
    expect(size).toBe(2 ** 31 + 5);
    // openssl dgst -sha256, of as many zeros.
    expect(digest).toBe("sha256:68bdfcb656af3067b8110b5cc839b4e12b180ef11e86011b8df4a709fe2c2f67");
  });

  it.each([
    [".", "CTXPACK_E_TREE", "is a folder"],
    ["missing", "CTXPACK_E_PATH_NOT_FOUND", "does not exist"],
  ])("refuses %s", async (path, code, what) => {
    using folder = new TestFolder();
    const error = await failure(hashFile(`${folder.path}/${path}`));
    expect(error.code).toBe(code);
    expect(error.message).toBe(`${folder.path}/${path} ${what}`);
  });
});

function openForWriting(path: string): Disposable & { fd: number } {
  const fd = openSync(path, "r+");
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

function paths(lines: Uint8Array): string[] {
  return Buffer.from(lines)
    .toString()
    .split("\n")
    .slice(0, -1)
    .map((line) => line.slice(66));
}

function coreutilsDigestOf(lines: Uint8Array): string {
  return `dirHash1:${execFileSync("sha256sum", { input: lines, encoding: "utf8" }).slice(0, 64)}`;
}
