// What each package promises, as one file a person can review: every declaration that its entry points export. A change
// that nobody wrote down fails. Needs a build. `node scripts/api-report.ts [--write]`
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { entryPoints } from "./declarations.ts";

const packages = join(import.meta.dirname, "../packages");
const isWriting = process.argv.includes("--write");

for (const name of readdirSync(packages)) {
  const folder = join(packages, name);
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (manifest.private) continue;
  const report = reportOf(folder, manifest);
  if (report === undefined) continue;
  const file = join(folder, "api.md");
  const known = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (known === report) continue;
  if (isWriting) {
    writeFileSync(file, report);
    continue;
  }
  console.error(`${relative(process.cwd(), file)} is not what the package exports:`);
  for (const line of changes(known, report)) console.error(`  ${line}`);
  console.error("node scripts/api-report.ts --write, and say it in a changeset");
  process.exitCode = 1;
}

/** A page for each entry point with types; `undefined` for a package without one. */
function reportOf(
  folder: string,
  manifest: { readonly name: string; readonly exports: Readonly<Record<string, unknown>> },
): string | undefined {
  const pages = entryPoints(folder, manifest).map(({ title, declared }) => {
    const text = declared.map(({ declaration }) => declaration).join("\n");
    return `## ${title}\n\n\`\`\`ts\n${text}\n\`\`\`\n`;
  });
  if (pages.length === 0) return undefined;
  return `# What ${manifest.name} exports\n\nWritten by scripts/api-report.ts.\n\n${pages.join("\n")}`;
}

/** Lines that came and went; enough to see what it is about. */
function changes(before: string, after: string): string[] {
  const [old, now] = [new Set(before.split("\n")), new Set(after.split("\n"))];
  return [
    ...[...old].filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...[...now].filter((line) => !old.has(line)).map((line) => `+ ${line}`),
  ].slice(0, 40);
}
