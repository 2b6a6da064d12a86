// The licences of everything that comes with our packages, from the software bill of materials that pnpm makes of them:
// a dependency under a licence that is not on the list, or under none, fails. `node scripts/check-licenses.ts [SBOM]`
// also keeps the bill (CycloneDX).
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** They ask for their text to be kept, and for nothing else. */
const ALLOWED = [
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "MIT",
];

interface Component {
  readonly name: string;
  readonly version?: string;
  readonly licenses?: readonly {
    readonly license?: { readonly id?: string; readonly name?: string };
    readonly expression?: string;
  }[];
}

const folder = mkdtempSync(join(tmpdir(), "ctxpack-sbom-"));
try {
  const file = join(folder, "sbom.json");
  const flags = ["--sbom-format", "cyclonedx", "--prod", "--filter", "./packages/*", "--out", file];
  execFileSync("pnpm", ["sbom", ...flags], { cwd: join(import.meta.dirname, "..") });
  const { components } = JSON.parse(readFileSync(file, "utf8")) as {
    components: readonly Component[];
  };
  if (components.length === 0) throw new Error("the bill of materials is empty");
  const refused = components.filter((component) => !isAllowed(component));
  for (const one of refused) {
    console.error(`${one.name}@${one.version}: ${licencesOf(one).join(", ") || "no licence"}`);
    process.exitCode = 1;
  }
  console.log(
    `${components.length} packages come with ours, ${refused.length} under a licence that is not allowed`,
  );
  const [, , keep] = process.argv;
  if (keep !== undefined) copyFileSync(file, keep);
} finally {
  rmSync(folder, { recursive: true });
}

function isAllowed(component: Component): boolean {
  const licences = licencesOf(component);
  return licences.length > 0 && licences.every((one) => ALLOWED.includes(one));
}

function licencesOf({ licenses = [] }: Component): string[] {
  return licenses.map(
    ({ license, expression }) => license?.id ?? license?.name ?? expression ?? "?",
  );
}
