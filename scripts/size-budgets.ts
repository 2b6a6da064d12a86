// What a user downloads, and what a command reads before it can do anything: the packed tarball of every package, and the
// code that the shortest commands load. Time is measured in benchmarks/ (`bench start`); these are the bytes behind it.
// A budget is raised in the commit that needs it, which says why.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** In kB of 1000 bytes. */
const BUDGETS: Readonly<Record<string, number>> = {
  "@ctxpack/identity": 260,
  "@ctxpack/oci": 380,
  "@ctxpack/cache": 750,
  "@ctxpack/proof": 660,
  "@ctxpack/trace": 860,
  "@ctxpack/client": 720,
  "@ctxpack/cli": 2800,
  "ctxpack --version": 210,
  "ctxpack id": 410,
  "ctxpack pull, in the store": 1800,
};

const bin = join(import.meta.dirname, "../packages/cli/bin/ctxpack.cjs");

/** Prints all sizes. `tarballs` are the packed ones, by package name; throws when something is over its budget. */
export function expectSizes(tarballs: ReadonlyMap<string, string>): void {
  const packed = [...tarballs].map(([name, path]) => [name, statSync(path).size] as const);
  let isOver = false;
  for (const [name, bytes] of [...packed, ...starts()]) {
    const budget = BUDGETS[name] ?? 0;
    isOver ||= bytes > budget * 1000;
    console.log(`${name}: ${(bytes / 1000).toFixed(0)} kB of ${budget}`);
  }
  if (isOver) throw new Error("over the budget of scripts/size-budgets.ts");
}

function starts(): [string, number][] {
  const folder = mkdtempSync(join(tmpdir(), "ctxpack-sizes-"));
  try {
    return [...commands(folder)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function* commands(folder: string): Iterable<[string, number]> {
  const contract = join(folder, "contract.json");
  writeFileSync(
    contract,
    `{"schema":"ctxpack.contract/v1","inputs":[],"transforms":[{"tool":"upper","tool_version":"1"}]}`,
  );
  const output = join(folder, "output");
  mkdirSync(output);
  writeFileSync(join(output, "text"), "HELLO");
  run(folder, ["seed", output, "--contract", contract]);
  yield ["ctxpack --version", loaded(folder, ["--version"])];
  yield ["ctxpack id", loaded(folder, ["id", contract])];
  yield ["ctxpack pull, in the store", loaded(folder, ["pull", contract])];
}

/** Bytes of the modules that a command has loaded when it ends. */
function loaded(folder: string, args: readonly string[]): number {
  const hook = join(folder, "hook.cjs");
  const list = join(folder, "loaded.json");
  const write = `require("node:fs").writeFileSync(${JSON.stringify(list)}, JSON.stringify(Object.keys(require.cache)))`;
  writeFileSync(hook, `process.on("exit", () => ${write});`);
  run(folder, args, ["--require", hook]);
  const files: string[] = JSON.parse(readFileSync(list, "utf8"));
  return files.reduce((sum, file) => sum + (file === hook ? 0 : statSync(file).size), 0);
}

function run(folder: string, args: readonly string[], flags: readonly string[] = []): void {
  const env = { ...process.env, HOME: folder, CTXPACK_CACHE_DIR: join(folder, "store") };
  execFileSync(process.execPath, [...flags, bin, ...args], {
    env,
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
}
