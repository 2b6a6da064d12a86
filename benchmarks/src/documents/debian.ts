import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { runProgram } from "../programs.ts";

/** One version of a package that holds documentation. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** Of the file that apt fetches. */
  readonly sha256: string;
}

/** Where packages are kept between runs; nothing of them is part of this repository. */
const KEPT = join(tmpdir(), "ctxpack-bench-packages");

/**
 * The file of a package, fetched by apt the first time, and why there is none: another system, no network, a version that
 * the archive does not have any more.
 */
export function fetchPackage(
  one: Package,
): { readonly file: string } | { readonly problem: string } {
  const file = join(KEPT, `${one.name}_${one.version.replaceAll(":", "%3a")}.deb`);
  if (!existsSync(file)) {
    mkdirSync(KEPT, { recursive: true });
    const problem = download(one, file);
    if (problem !== undefined) return { problem };
  }
  const found = createHash("sha256").update(readFileSync(file)).digest("hex");
  if (found === one.sha256) return { file };
  rmSync(file);
  return { problem: `${one.name} ${one.version} is another file than expected: sha256 ${found}` };
}

function download({ name, version }: Package, file: string): string | undefined {
  const folder = mkdtempSync(join(KEPT, "fetch-"));
  try {
    const { error, stderr } = spawnSync("apt-get", ["download", `${name}=${version}`], {
      cwd: folder,
      encoding: "utf8",
      timeout: 300_000,
    });
    if (error) return `apt-get: ${error.message}`;
    const [fetched] = globSync("*.deb", { cwd: folder });
    if (fetched === undefined) {
      const why = /^E: .*$/m.exec(stderr)?.[0] ?? "apt-get fetched nothing";
      return `${name} ${version}: ${why} (apt-get update tells what there is)`;
    }
    renameSync(join(folder, fetched), file);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Puts the documents of a package into a new folder: its files that end in `.pdf` or `.html`, and those that are compressed
 * with gzip, uncompressed. `most`: the first ones only. All of the package stays beside it: what is measured next would pay for
 * deleting so much.
 */
export function unpackDocuments(
  file: string,
  to: string,
  { kind, most = Number.POSITIVE_INFINITY }: { readonly kind: string; readonly most?: number },
): void {
  const all = mkdtempSync(join(dirname(to), "package-"));
  runProgram("dpkg-deb", ["-x", file, all]);
  const paths = globSync(`usr/share/doc/**/*.${kind}{,.gz}`, { cwd: all }).sort();
  for (const path of paths.slice(0, most)) {
    const target = join(to, path.replace(/^usr\/share\/doc\//, "").replace(/\.gz$/, ""));
    mkdirSync(dirname(target), { recursive: true });
    const bytes = readFileSync(join(all, path));
    writeFileSync(target, path.endsWith(".gz") ? gunzipSync(bytes) : bytes);
  }
}
