// The GitHub Action, by a runner of our own: the steps of action.yml as GitHub runs them, with the packed command, a real
// registry and sigstore's services on this machine.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type DockerRegistry,
  type Sigstore,
  startDockerRegistry,
  startSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from "@ctxpack/test-tools";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";

const root = join(import.meta.dirname, "..");
const action = join(root, "action");
const missing = ["pnpm", "docker-registry"].filter(
  (program) => spawnSync(program, ["--version"]).error !== undefined,
);
if (missing.length > 0) console.log(`SKIPPED action.yml: ${missing.join(", ")} is missing`);

interface Step {
  readonly id?: string;
  readonly run: string;
  readonly env: Readonly<Record<string, string>>;
  readonly "working-directory"?: string;
}

const { inputs: declared, runs } = parse(readFileSync(join(action, "action.yml"), "utf8")) as {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
};

let folder: string;
let registry: DockerRegistry;
let sigstore: Sigstore;
let cli: string;

beforeAll(async () => {
  if (missing.length > 0) return;
  folder = mkdtempSync(join(tmpdir(), "ctxpack-action-"));
  registry = await startDockerRegistry();
  sigstore = await startSigstore();
  const packed = spawnSync("pnpm", ["pack", "--json", "--pack-destination", folder], {
    cwd: join(root, "packages/cli"),
    encoding: "utf8",
  });
  cli = JSON.parse(packed.stdout).filename;
  writeFileSync(join(folder, "signing.json"), sigstore.signingConfig);
  writeFileSync(join(folder, "trusted-root.json"), sigstore.trustedRoot);
});

afterAll(async () => {
  if (missing.length > 0) return;
  await registry[Symbol.asyncDispose]();
  await sigstore[Symbol.asyncDispose]();
  spawnSync("chmod", ["-R", "u+rwX", folder]);
  rmSync(folder, { recursive: true, force: true });
});

/** The machine's own variables (proxies, certificates), without what says that it is a job of its own. */
const machine = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(?:GITHUB_|ACTIONS_|CTXPACK_|XDG_)/.test(name)),
);

/** One job on a fresh runner: what it printed, its outputs, its summary. */
function job(
  workspace: string,
  given: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>>,
) {
  const runner = mkdtempSync(join(folder, "runner-"));
  const file = (name: string) => {
    writeFileSync(join(runner, name), "");
    return join(runner, name);
  };
  const [path, output, summary] = [file("path"), file("output"), file("summary")];
  const values: Record<string, string> = { ...given, cli };
  const expand = (text: string): string =>
    text.replaceAll(/\$\{\{ *([\w.-]+) *\}\}/g, (_, name: string) => {
      if (name === "github.token") return "";
      const input = name.replace(/^inputs\./, "");
      return values[input] ?? expand(String(declared[input]?.default ?? ""));
    });
  let log = "";
  let code = 0;
  for (const step of runs.steps) {
    const own = Object.entries(step.env).map(([name, value]) => [name, expand(value)]);
    const added = readFileSync(path, "utf8").trim().split("\n").filter(Boolean);
    const done = spawnSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", step.run], {
      cwd: join(workspace, expand(step["working-directory"] ?? ".")),
      encoding: "utf8",
      timeout: 100_000,
      env: {
        ...machine,
        HOME: runner,
        PATH: [...added, process.env["PATH"]].join(":"),
        // What npm has installed stays, which saves minutes; the store does not.
        RUNNER_TEMP: join(folder, "temp"),
        CTXPACK_CACHE_DIR: join(runner, "store"),
        GITHUB_ACTION_PATH: action,
        GITHUB_ACTIONS: "true",
        GITHUB_REPOSITORY: "Acme/Handbook",
        GITHUB_PATH: path,
        GITHUB_OUTPUT: output,
        GITHUB_STEP_SUMMARY: summary,
        ...env,
        ...Object.fromEntries(own),
      },
    });
    log += done.stdout + done.stderr;
    code = done.status ?? 1;
    if (code !== 0) break;
  }
  const outputs = readFileSync(output, "utf8").trim().split("\n").filter(Boolean);
  return {
    code,
    log,
    outputs: Object.fromEntries(outputs.map((line) => line.split(/=(.*)/s).slice(0, 2))),
    summary: readFileSync(summary, "utf8"),
  };
}

/** What a job that may ask for an identity has, and what says which workflow it is of. */
function githubEnv(): Record<string, string> {
  return {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${sigstore.urls.github}/token?api=1`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: "job-credential-0123456789",
  };
}

/** Whether anything was sent to a repository. */
async function isInRegistry(repository: string): Promise<boolean> {
  const answer = await fetch(`http://${registry.host}/v2/${repository}/tags/list`);
  await answer.body?.cancel();
  return answer.status === 200;
}

function checkout(): string {
  const workspace = mkdtempSync(join(folder, "checkout-"));
  mkdirSync(join(workspace, "docs"));
  writeFileSync(join(workspace, "docs/a.md"), "# Hello\n");
  const contract = {
    inputs: [{ name: "docs", path: "docs" }],
    command: ["sh", "-c", 'sleep 2; cat "$0"/*.md | tr a-z A-Z > "$1"', "{in:docs}", "{out}"],
    transforms: [{ tool: "shout" }],
    outputs: [{ path: "shout.md" }],
  };
  writeFileSync(join(workspace, "contract.json"), JSON.stringify(contract));
  const sha256 = createHash("sha256").update(sigstore.trustedRoot).digest("hex");
  const policy = {
    schema: "ctxpack.policy/v1",
    trustRoots: { here: { file: join(folder, "trusted-root.json"), sha256 } },
    signers: {
      ci: { identity: TEST_IDENTITY, issuer: TEST_ISSUER, trustRoot: "here" },
    },
    rules: [{ require: [{ signers: ["ci"] }] }],
  };
  writeFileSync(join(workspace, "policy.json"), JSON.stringify(policy));
  return workspace;
}

test.skipIf(missing.length > 0)(
  "computes and signs on main, restores everywhere, sends nothing from pull requests",
  () => {
    const pantry = `${registry.host}/acme/handbook`;
    const given = {
      contract: "contract.json",
      policy: "policy.json",
      pantry,
      "signing-config": join(folder, "signing.json"),
    };
    const fork = { GITHUB_EVENT_NAME: "pull_request" };
    const first = job(checkout(), given, fork);
    expect([first.code, first.outputs["misses"]], first.log).toEqual([0, "1"]);
    expect(first.summary).toContain("Nothing was sent to the pantry");
    const insisting = job(checkout(), { ...given, attest: "true" }, { ...fork, ...githubEnv() });
    expect([insisting.code, insisting.outputs["misses"]], insisting.log).toEqual([0, "1"]);
    const again = job(checkout(), given, fork);
    expect(again.outputs, again.log).toMatchObject({ hits: "0", misses: "1" });

    const main = { GITHUB_EVENT_NAME: "push", ...githubEnv() };
    const made = job(checkout(), given, main);
    expect(made.outputs, made.log).toMatchObject({ misses: "1" });
    expect(made.summary).toContain("| contract.json | computed | no contract like it is known |");

    const restored = job(checkout(), given, fork);
    expect(restored.outputs, restored.log).toMatchObject({ hits: "1", misses: "0" });
    expect(restored.outputs["uri"]).toBe(made.outputs["uri"]);
    // On a busy machine a hit takes longer than the command did: nothing is saved then.
    expect(restored.summary).toMatch(/1 of 1 restored(?:, \d\.\d s saved)?\n/);
    expect(restored.summary).toMatch(/ \| \d\.\d s \| `[0-9a-f]{12}` \|/);
    expect(restored.summary).toContain(`hit in ${registry.host}/acme/handbook`);

    const changed = checkout();
    writeFileSync(join(changed, "docs/a.md"), "# Hello, you\n");
    const missed = job(changed, given, main);
    expect(missed.outputs, missed.log).toMatchObject({ misses: "1" });
  },
);

test.skipIf(missing.length > 0)(
  "fails with the reason when a contract is wrong, and takes nothing unsigned",
  () => {
    const pantry = `${registry.host}/acme/unsigned`;
    const wrong = checkout();
    writeFileSync(join(wrong, "contract.json"), '{"transforms":[{"tol":"x"}]}');
    const failed = job(wrong, { contract: "contract.json", pantry }, {});
    expect(failed.code).toBe(2);
    expect(failed.log).toMatch(/::error title=CtxPack::contract\.json: .*tol/);

    const typo = job(checkout(), { contract: "contract.json", pantry, attest: "yes" }, {});
    expect([typo.code, typo.log]).toEqual([2, expect.stringContaining('attest is "yes"')]);

    const given = { contract: "contract.json", pantry, attest: "false" };
    expect(job(checkout(), given, {}).outputs).toMatchObject({ misses: "1" });
    expect(job(checkout(), given, {}).outputs).toMatchObject({ misses: "1" });
    expect(job(checkout(), { ...given, trust: "unsigned" }, {}).outputs).toMatchObject({
      hits: "1",
    });
  },
);

test.skipIf(missing.length > 0)(
  "a service that is down after the work is done is a warning, and nothing is shared",
  async () => {
    const main = { GITHUB_EVENT_NAME: "push", ...githubEnv() };
    const given = {
      contract: "contract.json",
      policy: "policy.json",
      "signing-config": join(folder, "signing.json"),
    };
    const pantry = `${registry.host}/acme/not-signed`;
    await sigstore.fault("fulcio", ...Array.from({ length: 50 }, () => ({ status: 503 })));
    const unsigned = job(checkout(), { ...given, pantry }, main);
    await sigstore.fault("fulcio");
    expect([unsigned.code, unsigned.outputs["misses"]], unsigned.log).toEqual([0, "1"]);
    expect(unsigned.log).toMatch(/::warning title=CtxPack::ctx:.* is not signed, and not shared: /);
    expect(await isInRegistry("acme/not-signed")).toBe(false);

    const nobody = { ...given, pantry: "127.0.0.1:9/acme/handbook" };
    const unsent = job(checkout(), nobody, main);
    expect([unsent.code, unsent.outputs["misses"]], unsent.log).toEqual([0, "1"]);
    expect(unsent.log).toMatch(/::warning title=CtxPack::ctx:.* is not shared: /);
    expect(unsent.summary).toContain("| contract.json | computed |");
  },
);

test.skipIf(missing.length > 0)(
  "what was done before a contract failed is told all the same",
  () => {
    const at = checkout();
    const { command: _, ...rest } = JSON.parse(readFileSync(join(at, "contract.json"), "utf8"));
    const broken = { ...rest, command: ["sh", "-c", "exit 9"], outputs: [{ path: "broken.md" }] };
    writeFileSync(join(at, "broken.json"), JSON.stringify(broken));
    const contract = "contract.json\nbroken.json\ncontract.json";
    const pantry = `${registry.host}/acme/broken`;
    const failed = job(at, { contract, pantry, attest: "false" }, {});
    expect(failed.code, failed.log).toBe(9);
    expect(failed.log).toMatch(/::error title=CtxPack::broken\.json: /);
    expect(failed.outputs).toEqual({ uri: "", hits: "0", misses: "1" });
    expect(failed.summary).toContain("### CtxPack: 0 of 3 restored");
    expect(failed.summary).toContain("| contract.json | computed | no contract like it is known |");
    expect(failed.summary).toMatch(/^\| broken\.json \| failed \| broken\.json: .* \|$/m);
    expect(failed.summary).toMatch(/^\| contract\.json \| not reached \|/m);
  },
);
