import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  headerSize,
  LONGEST_HEADER,
  type TarMember,
  TRAILER,
  writeHeader,
} from "../../src/pack/tar.ts";

const file = (path: string, o: Partial<TarMember> = {}): TarMember => ({
  kind: "file",
  path,
  target: "",
  exec: false,
  size: 0,
  ...o,
});
const link = (path: string, target: string): TarMember => file(path, { kind: "link", target });

// Sizes are 0, so that the headers of terabytes can be read one after the other.
const members: TarMember[] = [
  file("plain"),
  file("run", { exec: true }),
  file("n".repeat(100)),
  file("n".repeat(101)),
  file(`${"deep/".repeat(60)}é`),
  file("with space\tand\\backslash\u2028"),
  link("link", "plain"),
  link("back", "../x"),
  link("l".repeat(150), "t".repeat(100)),
  link("long", "t".repeat(101)),
  link("ü", "ö"),
  file("folder", { kind: "directory" }),
  file("ordner-ü", { kind: "directory" }),
];

function headers(all: readonly TarMember[]): Buffer {
  const buffers = all.map((member) => {
    const room = Buffer.alloc(LONGEST_HEADER, 0xaa);
    const end = writeHeader(room, 0, member);
    expect(end).toBe(headerSize(member));
    expect(end % 512).toBe(0);
    return room.subarray(0, end);
  });
  return Buffer.concat([...buffers, Buffer.alloc(TRAILER)]);
}

const hasTar = hasProgram("tar");
const hasBsdtar = hasProgram("bsdtar");
const hasPython = hasProgram("python3");
for (const [has, name] of [
  [hasTar, "tar"],
  [hasBsdtar, "bsdtar"],
  [hasPython, "python3"],
]) {
  if (!has) console.warn(`skipped: needs ${name}`);
}

function hasProgram(name: string): boolean {
  try {
    execFileSync(name, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const READ = `
import json, sys, tarfile
kinds = {tarfile.REGTYPE: "file", tarfile.SYMTYPE: "link", tarfile.DIRTYPE: "directory"}
out = []
with tarfile.open(sys.argv[1]) as tar:
    for m in tar:
        assert (m.uid, m.gid, m.mtime, m.uname, m.gname, m.devmajor, m.devminor) == (0, 0, 0, "", "", 0, 0)
        assert m.mode in (0o644, 0o755)
        out.append({"kind": kinds[m.type], "path": m.name, "target": m.linkname, "exec": m.mode == 0o755, "size": m.size})
json.dump(out, sys.stdout)
`;

describe("writeHeader", () => {
  it("needs no more room than it says, for the longest names there are", () => {
    const longest = link("é".repeat(2048), "ü".repeat(2047));
    expect(headerSize(longest)).toBeLessThanOrEqual(LONGEST_HEADER);
    expect(headerSize({ ...longest, size: 2 ** 52 })).toBeLessThanOrEqual(LONGEST_HEADER);
  });

  it("writes the fields of the specification", () => {
    const bytes = headers([file("n".repeat(100), { exec: true, size: 8 ** 11 - 1 })]);
    const text = (from: number, to: number) => bytes.toString("latin1", from, to);
    expect(text(0, 100)).toBe("n".repeat(100));
    expect(text(100, 124)).toBe("0000755\x000000000\x000000000\0");
    expect(text(124, 148)).toBe("77777777777\x0000000000000\0");
    expect(text(148, 157)).toMatch(/^0[0-7]{5}\0 0$/);
    expect(text(157, 257)).toBe("\0".repeat(100));
    expect(text(257, 329)).toBe(`ustar\x0000${"\0".repeat(64)}`);
    expect(text(329, 345)).toBe("0000000\x000000000\0");
    expect(text(345, 512)).toBe("\0".repeat(167));
    const sum = bytes.subarray(0, 512).reduce((a, b) => a + b, 0);
    const stated = Number.parseInt(text(148, 154), 8);
    const own = [...bytes.subarray(148, 156)].reduce((a, b) => a + b, 0);
    expect(stated).toBe(sum - own + 8 * 32);
  });

  it("puts a size of 8 GiB and more into a pax header, and 0 into the other", () => {
    const bytes = headers([file("big", { size: 2 ** 33 })]);
    expect(bytes.length).toBe(1536 + TRAILER);
    expect(bytes.toString("latin1", 0, 3)).toBe("pax");
    expect(bytes.toString("latin1", 156, 157)).toBe("x");
    expect(bytes.toString("latin1", 512, 532)).toBe("19 size=8589934592\n\0");
    expect(bytes.toString("latin1", 1024 + 124, 1024 + 136)).toBe("00000000000\0");
  });

  it("counts the digits of a record's own length", () => {
    for (let length = 101; length < 1100; length++) {
      const bytes = headers([file("x".repeat(length))]);
      const records = bytes.toString(
        "latin1",
        512,
        512 + Number.parseInt(bytes.toString("latin1", 124, 135), 8),
      );
      const [, stated] = /^(\d+) path=x+\n$/.exec(records) as RegExpExecArray;
      expect(Number(stated)).toBe(records.length);
    }
  });

  it("may cut a code point in the short name, never in the pax header", () => {
    const name = `${"n".repeat(99)}é`;
    const bytes = headers([file(name)]);
    expect(bytes.includes(`path=${name}\n`)).toBe(true);
    expect(bytes[1024 + 99]).toBe(0xc3);
    expect(bytes.toString("latin1", 1024 + 100, 1024 + 108)).toBe("0000644\0");
  });

  it.skipIf(!hasPython)("is read back by Python's tarfile", () => {
    inFolder((folder) => {
      writeFileSync(join(folder, "t.tar"), headers(members));
      const out = execFileSync("python3", ["-c", READ, join(folder, "t.tar")], {
        encoding: "utf8",
      });
      const expected = members.map((m) => ({ ...m, exec: m.exec || m.kind === "directory" }));
      expect(JSON.parse(out)).toEqual(expected);
      // A size that only the pax header holds; the content is not looked at.
      for (const size of [2 ** 33 - 1, 2 ** 33, 2 ** 40 + 7]) {
        writeFileSync(
          join(folder, "t.tar"),
          headers([file("big", { size })]).subarray(0, -TRAILER),
        );
        const code = "import sys,tarfile;print(tarfile.open(sys.argv[1]).next().size)";
        const read = execFileSync("python3", ["-c", code, join(folder, "t.tar")], {
          encoding: "utf8",
        });
        expect(read.trim()).toBe(String(size));
      }
    });
  });

  it.skipIf(!hasTar)("is read back by GNU tar", () =>
    listedBy("tar", ["--quoting-style=literal", "--show-transformed-names"]),
  );
  it.skipIf(!hasBsdtar)("is read back by bsdtar", () => listedBy("bsdtar", []));
});

function listedBy(program: string, flags: readonly string[]): void {
  inFolder((folder) => {
    writeFileSync(join(folder, "t.tar"), headers(members));
    const lines = execFileSync(program, [...flags, "-tvf", join(folder, "t.tar")], {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C.UTF-8", TZ: "UTC" },
    }).split("\n");
    // libarchive and tar show what a terminal cannot differently; names stay comparable without it.
    for (const [i, member] of members.entries()) {
      if (/[\t\u2028\\]/.test(member.path)) continue;
      const line = lines[i] as string;
      const name = member.kind === "directory" ? `${member.path}/` : member.path;
      const shown = member.kind === "link" ? `${name} -> ${member.target}` : name;
      expect(line.endsWith(` ${shown}`) || line.endsWith(` ${member.path}`)).toBe(true);
      expect(line[0]).toBe({ file: "-", link: "l", directory: "d" }[member.kind]);
      if (member.kind === "file")
        expect(line.slice(1, 10)).toBe(member.exec ? "rwxr-xr-x" : "rw-r--r--");
    }
    expect(lines.length).toBe(members.length + 1);
  });
}

function inFolder(use: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "ctxpack-tar-"));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
