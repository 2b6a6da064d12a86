// The workflow and the job say nothing that the action or the command line do not know, and GitLab's job is run as it stands.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as consumers from "node:stream/consumers";
import { scratchFolder, startDockerRegistry } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");
const program = join(root, "packages/cli/bin/ctxpack.cjs");

function read(file: string): string {
  return readFileSync(join(import.meta.dirname, file), "utf8");
}

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly Step[] }>>;
}

interface Job {
  readonly variables: Readonly<Record<string, string>>;
  readonly before_script: readonly string[];
  readonly script: readonly string[];
}

const action = parse(readFileSync(join(root, "action/action.yml"), "utf8")) as {
  readonly inputs: object;
  readonly outputs: object;
};
const gitlab = (parse(read("gitlab.yml")) as { readonly packs: Job }).packs;
const gitlabLines = [...gitlab.before_script, ...gitlab.script];

const helps = new Map<string, string>();

/** What `--help` says of a command, nothing when there is no such command. */
function helpOf(command: string): string {
  const known = helps.get(command);
  if (known !== undefined) return known;
  const { stdout } = spawnSync(process.execPath, [program, command, "--help"], {
    encoding: "utf8",
  });
  helps.set(command, stdout);
  return stdout;
}

/** Commands and flags in lines of a shell that ctxpack does not have, and how many commands there are. */
function looked(script: string): { readonly commands: number; readonly unknown: string[] } {
  const calls = [...script.matchAll(/\bctxpack ([a-z]+)\b([^|&;\n]*)/g)];
  const unknown = calls.flatMap(([, command = "", rest = ""]) => {
    const help = helpOf(command);
    if (help === "") return [command];
    const flags = [...rest.matchAll(/(?<=\s)--?[a-z][a-z-]*/g)].map(([flag]) => flag);
    return flags.filter((flag) => !new RegExp(`(?:^|\\s)${flag}(?![\\w-])`, "m").test(help));
  });
  return { commands: calls.length, unknown };
}

/** Inputs and outputs of our action that a workflow names and that it does not have. */
function unknownToAction({ jobs }: Workflow): string[] {
  const steps = Object.values(jobs).flatMap((job) => job.steps);
  const ours = steps.filter(({ uses }) => uses?.startsWith("ctxpack/ctxpack/action@"));
  const ids = new Set(ours.map(({ id }) => id));
  const inputs = ours.flatMap((step) => Object.keys(step.with ?? {}));
  const outputs = [...JSON.stringify(jobs).matchAll(/steps\.([\w-]+)\.outputs\.([\w-]+)/g)];
  return [
    ...inputs.filter((name) => !Object.hasOwn(action.inputs, name)),
    ...outputs
      .filter(([, id, name = ""]) => !ids.has(id) || !Object.hasOwn(action.outputs, name))
      .map(([text]) => text),
  ];
}

test("github.yml: the action has its inputs and outputs, ctxpack its commands and flags", () => {
  const workflow: Workflow = parse(read("github.yml"));
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
  expect(steps.some(({ uses }) => uses?.startsWith("ctxpack/ctxpack/action@"))).toBe(true);
  for (const { run, uses } of steps) expect([run, uses].filter(Boolean)).toHaveLength(1);
  expect(unknownToAction(workflow)).toEqual([]);
  const script = steps.map(({ run = "" }) => run).join("\n");
  expect(looked(script)).toEqual({ commands: 5, unknown: [] });
});

test("gitlab.yml: ctxpack has its commands and flags", () => {
  expect(looked(gitlabLines.join("\n"))).toEqual({ commands: 8, unknown: [] });
});

test("what is not there is found", () => {
  expect(looked('uri=$(ctxpack map --in a --batc 3)\nctxpack pus "$uri" --to b').unknown).toEqual([
    "--batc",
    "pus",
  ]);
  const expression = (text: string) => `$\{{ ${text} }}`;
  const step = { id: "a", uses: "ctxpack/ctxpack/action@v1", with: { contracts: "c.yaml" } };
  const after = {
    run: `echo ${expression("steps.a.outputs.url")} ${expression("steps.b.outputs.uri")}`,
  };
  expect(unknownToAction({ jobs: { a: { steps: [step, after] } } })).toEqual([
    "contracts",
    "steps.a.outputs.url",
    "steps.b.outputs.uri",
  ]);
});

const [githubPolicy = "", gitlabPolicy = ""] = [
  ...read("README.md").matchAll(/^```json\n(.*?)^```$/gms),
].map((match) => match[1]);

test("the policy for GitHub is one", () => {
  using folder = scratchFolder();
  writeFileSync(join(folder.path, "policy.json"), githubPolicy);
  const args = [program, "policy", "explain", "--policy", "policy.json"];
  const done = spawnSync(process.execPath, args, { cwd: folder.path, encoding: "utf8" });
  expect(done.status, done.stderr).toBe(0);
  expect(done.stdout).toContain("packs.yml@refs/heads/main");
});

const missing = ["docker-registry", "htpasswd"].filter(
  (name) => spawnSync(name, ["--version"]).error !== undefined,
);
if (missing.length > 0) console.log(`SKIPPED gitlab.yml: ${missing.join(", ")} is missing`);

test.skipIf(missing.length > 0)(
  "gitlab.yml, as it stands: main signs and shares, a merge request scans what it changed and sends nothing",
  async () => {
    using folder = scratchFolder();
    const user = { user: "gitlab-ci-token", password: "of-one-job" };
    await using registry = await startDockerRegistry({ auth: { kind: "htpasswd", ...user } });
    const project = join(folder.path, "project");
    const bin = join(folder.path, "bin");
    mkdirSync(bin);
    const script = (name: string, text: string) =>
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    script("ctxpack", `exec "${process.execPath}" "${program}" "$@"`);
    // What it would install is there: the command as it is built, the packages of the examples.
    script("npm", 'echo "npm $*"');
    symlinkSync(process.execPath, join(bin, "node"));
    symlinkSync(join(root, "examples/node_modules"), join(folder.path, "node_modules"));
    cpSync(join(root, "examples/code-audit"), project, { recursive: true });
    cpSync(join(import.meta.dirname, "contract.yaml"), join(project, "contract.yaml"));
    const files = {
      "docs/office.md": "Ask for the key at the front desk.\n",
      "package/run.js": 'import { exec } from "node:child_process";\nexec(command);\n',
      "package/sum.js": "export const sum = (a, b) => a + b;\n",
    };
    for (const name of ["docs", "package"]) mkdirSync(join(project, name), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);

    /** One job on a runner of its own. */
    const job = async (variables: Readonly<Record<string, string>>, lines = gitlabLines) => {
      using home = scratchFolder();
      const env: Record<string, string> = {
        PATH: `${bin}:${process.env["PATH"]}`,
        HOME: home.path,
        CI_REGISTRY: registry.host,
        CI_REGISTRY_IMAGE: `${registry.host}/acme/handbook`,
        CI_REGISTRY_USER: user.user,
        CI_REGISTRY_PASSWORD: user.password,
        CI_DEFAULT_BRANCH: "main",
        ...variables,
      };
      const expand = (text: string) => text.replaceAll(/\$(\w+)/g, (_, name) => env[name] ?? "");
      for (const [name, text] of Object.entries(gitlab.variables)) env[name] = expand(text);
      const command = ["-eo", "pipefail", "-c", `exec 2>&1\n${lines.join("\n")}`];
      const child = spawn("bash", command, { cwd: project, env });
      const [log, [code]] = await Promise.all([
        consumers.text(child.stdout),
        once(child, "close") as Promise<[number | null]>,
      ]);
      return { log, code };
    };

    const keygen = [program, "keygen", "--out", "main.pem"];
    const made = spawnSync(process.execPath, keygen, { cwd: project, encoding: "utf8" });
    const policy = gitlabPolicy.replace(/SHA256:[\w+/]{43}/, made.stdout.trim());
    writeFileSync(join(project, "policy.json"), policy);
    const main = { CI_COMMIT_BRANCH: "main", SIGNING_KEY: join(project, "main.pem") };

    const first = await job(main);
    expect(first.code, first.log).toBe(0);
    expect(first.log).toContain("npm install --global @ctxpack/cli@^0");
    expect(first.log).toContain("2 items: 0 known, 2 to compute");
    expect(first.log.match(/^signed for /gm), first.log).toHaveLength(2);

    const stored = () => readdirSync(registry.dir, { recursive: true }).sort();
    const before = stored();
    writeFileSync(join(project, "package/sum.js"), "export const sum = (a, b) => b + a;\n");
    writeFileSync(join(project, "docs/office.md"), "The front desk is closed.\n");
    const request = await job({});
    expect(request.code, request.log).toBe(0);
    expect(request.log).toContain("2 items: 1 known, 1 to compute");
    expect(request.log).toContain("package/run.js:2: shell-command");
    expect(stored()).toEqual(before);

    for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
    const unchanged = await job(main);
    expect(unchanged.code, unchanged.log).toBe(0);
    expect(unchanged.log.match(/^hit in /gm)).toHaveLength(2);
    expect(unchanged.log).not.toContain("signed");
    expect(stored()).toEqual(before);
  },
);
