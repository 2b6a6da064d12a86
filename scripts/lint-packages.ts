// Checks every package as npm would publish it: publint and are-the-types-wrong on the packed tarball, and its size.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectSizes } from "./size-budgets.ts";

const bin = join(import.meta.dirname, "../node_modules/.bin");
const packages = join(import.meta.dirname, "../packages");
const folder = mkdtempSync(join(tmpdir(), "ctxpack-lint-"));

const tarballs = new Map<string, string>();

try {
  for (const name of readdirSync(packages)) {
    const cwd = join(packages, name);
    const manifest = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8"));
    if (manifest.private) continue;
    // pnpm, not npm: it writes versions where the sources say `workspace:` and `catalog:`.
    const out = execFileSync("pnpm", ["pack", "--json", "--pack-destination", folder], { cwd });
    const tarball = JSON.parse(out.toString()).filename;
    tarballs.set(manifest.name, tarball);
    console.log(`── ${manifest.name}`);
    execFileSync(join(bin, "publint"), ["run", tarball, "--strict"], { stdio: "inherit" });
    execFileSync(join(bin, "attw"), [tarball, "--profile", "esm-only", "--format", "ascii"], {
      stdio: "inherit",
    });
  }
  console.log("── sizes");
  expectSizes(tarballs);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
