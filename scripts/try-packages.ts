// Uses every package as a stranger would: the packed tarballs in projects outside the workspace, on the oldest and the
// newest Node that they say they support. TypeScript with ESM, CommonJS by `require`, plain JavaScript; each runs the
// first example of every package's README. Then the command out of this clone, as README.md says.
// `node scripts/try-packages.ts [NODE_VERSION…]`
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const OLDEST = "24.15.0";
const folder = mkdtempSync(join(tmpdir(), "ctxpack-outside-"));
// Neither the user's store nor their configuration has a part in it.
const env: NodeJS.ProcessEnv = {
  ...process.env,
  HOME: folder,
  CTXPACK_CACHE_DIR: join(folder, "store"),
};

interface Packed {
  readonly name: string;
  readonly tarball: string;
  /** The first example of its README; the command has none. */
  readonly example: string | undefined;
}

try {
  const packages = packAll();
  const nodes = process.argv.length > 2 ? process.argv.slice(2) : [OLDEST, process.versions.node];
  for (const version of nodes) {
    const node = install(version);
    esmTypeScript(packages, node);
    commonJs(packages, node);
    plainJavaScript(packages, node);
    command(packages, node);
    fromClone(node);
  }
} finally {
  execFileSync("chmod", ["-R", "u+rwX", folder]);
  rmSync(folder, { recursive: true, force: true });
}

function packAll(): Packed[] {
  return readdirSync(join(root, "packages")).flatMap((name) => {
    const cwd = join(root, "packages", name);
    const manifest = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8"));
    if (manifest.private) return [];
    const out = execFileSync("pnpm", ["pack", "--json", "--pack-destination", folder], { cwd });
    const { filename: tarball } = JSON.parse(out.toString());
    const readme = readFileSync(join(cwd, "README.md"), "utf8");
    const example = /```(?:ts|js)\n(.*?)```/s.exec(readme)?.[1];
    return [{ name: manifest.name, tarball, example }];
  });
}

/** The program of a version of Node, from npm like everything else. */
function install(version: string): string {
  const at = join(folder, `node-${version}`);
  mkdirSync(at);
  writeFileSync(join(at, "package.json"), "{}");
  const name = `node-${process.platform}-${process.arch}`;
  execFileSync("npm", ["install", "--no-audit", "--no-fund", `${name}@${version}`], {
    cwd: at,
    env,
  });
  const node = join(at, "node_modules", name, "bin/node");
  console.log(`── Node ${execFileSync(node, ["--version"]).toString().trim()}`);
  return node;
}

/** An empty project with the tarballs and nothing else of ours. */
function project(name: string, packages: readonly Packed[], node: string, more: object): string {
  const cwd = mkdtempSync(join(folder, `${name}-`));
  const dependencies = Object.fromEntries(packages.map((one) => [one.name, `file:${one.tarball}`]));
  // Tarballs that depend on each other are the ones here: nothing of them is on npm yet.
  const manifest = { private: true, ...more, dependencies, overrides: dependencies };
  writeFileSync(join(cwd, "package.json"), JSON.stringify(manifest, null, 2));
  const npm = ["install", "--no-audit", "--no-fund", "--engine-strict"];
  execFileSync("npm", npm, { cwd, env: { ...env, PATH: `${join(node, "..")}:${env["PATH"]}` } });
  return cwd;
}

/** What a program prints; that it says anything on stderr, a warning of Node's say, is an error. */
function run(node: string, args: readonly string[], cwd: string): string {
  const done = spawnSync(node, args, { cwd, env, encoding: "utf8" });
  if (done.status === 0 && done.stderr === "") return done.stdout;
  throw new Error(`${args.join(" ")}: exit code ${done.status}\n${done.stderr}`);
}

function esmTypeScript(packages: readonly Packed[], node: string): void {
  const cwd = project("esm-typescript", packages, node, { type: "module" });
  for (const [i, { example }] of packages.entries()) {
    if (example) writeFileSync(join(cwd, `example${i}.mts`), example);
  }
  const options = {
    compilerOptions: {
      module: "nodenext",
      target: "es2024",
      lib: ["es2024", "esnext.disposable"],
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
      strict: true,
      noEmit: true,
    },
  };
  writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify(options));
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", "."], { cwd, stdio: "inherit" });
  for (const [i, { name, example }] of packages.entries()) {
    if (!example) continue;
    const place = mkdtempSync(join(cwd, "run-"));
    console.log(
      `${name}: ${
        run(node, [join(cwd, `example${i}.mts`)], place)
          .trim()
          .split("\n")[0]
      }`,
    );
  }
}

function commonJs(packages: readonly Packed[], node: string): void {
  const cwd = project("commonjs", packages, node, { type: "commonjs" });
  const names = packages.filter(({ example }) => example).map(({ name }) => name);
  const script = `const names = ${JSON.stringify(names)};
for (const name of names) if (Object.keys(require(name)).length === 0) throw new Error(name);
const { parseContract, resolveContract } = require("@ctxpack/identity");
resolveContract(parseContract('{"transforms":[{"tool":"t"}]}')).then(({ uri }) => console.log(uri));
`;
  writeFileSync(join(cwd, "index.js"), script);
  console.log(`require: ${run(node, ["index.js"], cwd).trim()}`);
}

function plainJavaScript(packages: readonly Packed[], node: string): void {
  const cwd = project("javascript", packages, node, { type: "module" });
  const client = packages.find(({ name }) => name === "@ctxpack/client");
  writeFileSync(join(cwd, "index.js"), client?.example ?? "");
  console.log(`javascript: ${run(node, ["index.js"], cwd).trim()}`);
}

function command(packages: readonly Packed[], node: string): void {
  const cwd = project(
    "command",
    packages.filter(({ name }) => name === "@ctxpack/cli"),
    node,
    {},
  );
  const program = (name: string) => join(cwd, "node_modules/@ctxpack/cli/bin", `${name}.cjs`);
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/a"), "a");
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"outside"}]}');
  const uri = run(node, [program("ctxpack"), "seed", "out", "--contract", "c.json", "-q"], cwd);
  const [first] = run(node, [program("ctxpack"), "pull", uri.trim(), "-q"], cwd).split("\n");
  if (readFileSync(join(first ?? "", "a"), "utf8") !== "a") throw new Error("ctxpack pull");
  writeFileSync(join(cwd, "log.json"), '[{"role":"user","content":"hello"}]');
  const run1 = run(node, [program("ctx"), "pack", "log.json", "-q"], cwd).trim();
  if (!run(node, [program("ctx"), "show", run1], cwd).includes("hello"))
    throw new Error("ctx show");
  const installed = readdirSync(join(cwd, "node_modules"), {
    recursive: true,
    withFileTypes: true,
  });
  console.log(
    `ctxpack: ${uri.trim()}, ${installed.filter((file) => file.isFile()).length} files installed`,
  );
}

/** What README.md says to do before npm has the command; the clone is this one, installed and built. */
function fromClone(node: string): void {
  const prefix = mkdtempSync(join(folder, "global-"));
  const PATH = `${join(node, "..")}:${env["PATH"]}`;
  const npm = ["install", "--global", "--prefix", prefix, "--no-audit", "--no-fund"];
  execFileSync("npm", [...npm, "./packages/cli"], { cwd: root, env: { ...env, PATH } });
  const ctxpack = join(prefix, "bin/ctxpack");
  const said = execFileSync(ctxpack, ["--version"], { env: { ...env, PATH } });
  console.log(`from a clone: ctxpack ${said.toString().trim()}`);
}
