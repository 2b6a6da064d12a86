import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it, onTestFinished } from "vitest";
import { bytesServed } from "../../src/documents/access-log.ts";
import { fetchPackage, unpackDocuments } from "../../src/documents/debian.ts";
import { findProgram, runProgram } from "../../src/programs.ts";

const hasDpkg = findProgram("dpkg-deb") !== undefined;
if (!hasDpkg) console.warn("skipped: packages need dpkg-deb");

it.skipIf(!hasDpkg)("takes the documents of a package, uncompressed", () => {
  const dir = mkdtempSync(join(tmpdir(), "ctxpack-debian-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const put = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(dir, "tree", path)), { recursive: true });
    writeFileSync(join(dir, "tree", path), content);
  };
  const fields = ["Package: x", "Version: 1", "Architecture: all", "Maintainer: x <x@example.org>"];
  put("DEBIAN/control", `${[...fields, "Description: x"].join("\n")}\n`);
  put("usr/share/doc/x/b.html.gz", gzipSync("compressed"));
  put("usr/share/doc/x/a.html", "plain");
  put("usr/share/doc/x/c.txt", "another kind");
  runProgram("dpkg-deb", ["-b", join(dir, "tree"), join(dir, "x.deb")]);
  unpackDocuments(join(dir, "x.deb"), join(dir, "all"), { kind: "html" });
  expect(
    runProgram("find", [join(dir, "all"), "-type", "f", "-printf", "%P\n"])
      .split("\n")
      .sort(),
  ).toEqual(["", "x/a.html", "x/b.html"]);
  expect(readFileSync(join(dir, "all/x/b.html"), "utf8")).toBe("compressed");
  unpackDocuments(join(dir, "x.deb"), join(dir, "few"), { kind: "html", most: 1 });
  expect(runProgram("find", [join(dir, "few"), "-type", "f", "-printf", "%P\n"])).toBe(
    "x/a.html\n",
  );
});

it("says why a package cannot be had", () => {
  const gone = { name: "no-such-package-of-ours", version: "1:0", sha256: "" };
  expect(fetchPackage(gone)).toEqual({
    problem: expect.stringMatching(/no-such-package-of-ours|apt-get/),
  });
});

it("counts the bytes of what was given, not of errors or uploads", () => {
  const dir = mkdtempSync(join(tmpdir(), "ctxpack-log-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const line = (request: string, status: number, bytes: number): string =>
    `127.0.0.1 - - [26/Nov/2026:20:00:00 +0000] "${request} HTTP/1.1" ${status} ${bytes} "" "ctxpack"\n`;
  const file = join(dir, "access.log");
  writeFileSync(
    file,
    [
      line("GET /v2/a/blobs/sha256:1", 200, 1000),
      line("GET /v2/a/blobs/sha256:2", 206, 20),
      line("GET /v2/a/manifests/x", 404, 157),
      line("HEAD /v2/a/manifests/x", 200, 1341),
      line("PUT /v2/a/blobs/uploads/1", 201, 7),
    ].join(""),
  );
  expect(bytesServed(file)).toBe(1020);
});
