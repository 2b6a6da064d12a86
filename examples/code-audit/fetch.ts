// A version of a package from npm into ./package, in place of what is there:  node fetch.ts <lock file> <version>
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [lockFile = "", version = ""] = process.argv.slice(2);
const { name, versions } = JSON.parse(readFileSync(lockFile, "utf8"));
const locked: string | undefined = versions[version];
if (locked === undefined) {
  throw new Error(
    `${lockFile} has no version ${version}; it has ${Object.keys(versions).join(", ")}`,
  );
}
const folder = mkdtempSync(join(tmpdir(), "code-audit-"));
try {
  const to = ["--silent", "--pack-destination", folder];
  const tarball = execFileSync("npm", ["pack", `${name}@${version}`, ...to], { encoding: "utf8" });
  const file = join(folder, tarball.trim());
  const integrity = `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`;
  if (integrity !== locked) {
    throw new Error(`${name}@${version} is ${integrity}; ${lockFile} says ${locked}`);
  }
  rmSync("package", { recursive: true, force: true });
  execFileSync("tar", ["-xzf", file, "package"]);
} finally {
  rmSync(folder, { recursive: true });
}
