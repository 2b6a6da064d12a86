// The example of every command, as --help and docs/reference/cli.md print it, is run: each in a copy of a folder that has
// what it names. Names of registries and of packs are put in.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import {
  type DockerRegistry,
  identityToken,
  missingProgram,
  removeReadOnly,
  type Sigstore,
  startDockerRegistry,
  startSigstore,
} from "@ctxpack/test-tools";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS } from "../../packages/cli/src/commands.ts";
import {
  type ScriptedModel,
  startScriptedModel,
} from "../../packages/trace/test/record/scripted-model.ts";
import { ACCOUNT, preparing, writeFiles } from "./command-workplace.ts";
import { environmentOf, makeHome } from "./home.ts";

const isMissing = missingProgram(
  ...["docker-registry", "htpasswd", "pdftotext", "python3", "curl", "fish", "script"],
);
if (isMissing) console.log("SKIPPED the examples of the commands");
const hasPowerShell = !missingProgram("pwsh");
if (!hasPowerShell) console.log("SKIPPED the example for PowerShell");

const folder = realpathSync(mkdtempSync(join(tmpdir(), "ctxpack-commands-")));
const prepared = join(folder, "prepared");
let pantry: string;
let names: (readonly [string, string])[];
let services: [DockerRegistry, DockerRegistry, Sigstore, ScriptedModel] | undefined;

beforeAll(async () => {
  if (isMissing) return;
  services = await Promise.all([
    startDockerRegistry(),
    startDockerRegistry({ auth: { kind: "htpasswd", ...ACCOUNT } }),
    startSigstore(),
    startScriptedModel([{ text: "Done." }]),
  ]);
  const [registry, guarded, sigstore] = services;
  makeHome(prepared);
  writeFiles(prepared);
  writeFileSync(join(prepared, "work/signing.json"), sigstore.signingConfig);
  pantry = `${registry.host}/acme/packs`;
  const done = await runScript(prepared, preparing(pantry), {});
  if (done.status !== 0) throw new Error(done.output);
  const lines = readFileSync(join(prepared, "work/names"), "utf8").trimEnd().split("\n");
  names = [
    ["ghcr.io/acme/packs", pantry],
    ["ghcr.io", guarded.host],
    // sigstore's public services would sign for a job of GitHub's only.
    ["--keyless", "--keyless --signing-config signing.json"],
    ["--server fs", "--server fs < client.ndjson"],
    ...lines.map((line) => {
      const at = line.indexOf("=", line.startsWith("ctx:") ? "ctx:".length : 0);
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  ];
});

afterAll(async () => {
  for (const one of services ?? []) await one[Symbol.asyncDispose]();
  removeReadOnly(folder);
});

interface Done {
  /** Both outputs as they came. */
  readonly output: string;
  readonly status: number | null;
}

/** Not `spawnSync`: some of who is asked live in this process. */
async function runScript(home: string, script: string, env: NodeJS.ProcessEnv): Promise<Done> {
  const shell = spawn("sh", ["-c", `exec 2>&1\n${script}`], {
    cwd: join(home, "work"),
    env: { ...environmentOf(home), ...env },
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 40_000,
  });
  const [output, [status]] = await Promise.all([text(shell.stdout), once(shell, "close")]);
  return { output, status };
}

/** What was done before, where the example is about more than is there. */
const BEFORE: Readonly<Record<string, string>> = {
  init: "rm contract.yaml",
  keygen: "rm release.*",
  why: `rm contract.json && sed -i 's/lines: 1/lines: 2/' contract.yaml`,
  // The others need what this one clears away.
  gc: "ctxpack push ctx://sha256:7c1e… --to ghcr.io/acme/packs",
  "proof verify":
    "ctxpack proof create report.pdf --runtime runtime.json && ctxpack proof sign report.pdf.proof.json --key ci.pem",
  "proof sign": "ctxpack proof create report.pdf --runtime runtime.json",
  "policy explain": "export CTXPACK_POLICY=policy.json",
  "trace finalize": "ctxpack trace fork 58a6ff02 --to draft",
  "remote rm": "ctxpack remote add team ghcr.io/acme/packs",
  logout: `printf %s "$TOKEN" | ctxpack login ghcr.io --username alice --password-stdin`,
  completion: "mkdir -p ~/.config/fish/completions",
};

/** Commands that tell by their exit code what they found; 0 for the others. */
const EXIT_CODES: Readonly<Record<string, number>> = { why: 3 };

function scriptOf(name: string, example: readonly string[]): string {
  const shown = example.join("\n").split(/(?<!\\)\n/);
  const lines = shown.flatMap((line) => {
    if (line.includes("powershell"))
      return hasPowerShell
        ? [`cat > profile.ps1 <<'END'\n${line}\nEND\npwsh -File profile.ps1`]
        : [];
    // What asks for a password has a terminal, and somebody who types.
    if (line.startsWith("ctxpack login")) return [`echo "$TOKEN" | script -qec '${line}' typed`];
    if (line.startsWith("eval ")) return [`bash -c '${line.replaceAll("'", "'\\''")}'`];
    const code = EXIT_CODES[name];
    return [code === undefined ? line : `code=0; ${line} || code=$?; [ $code = ${code} ]`];
  });
  const script = ["set -e", BEFORE[name] ?? "", ...lines].join("\n");
  const pantries = name === "gc" ? [["ghcr.io/acme/packs", `${pantry}/cleared`] as const] : [];
  return [...pantries, ...names].reduce((all, [from, to]) => all.replaceAll(from, to), script);
}

test.skipIf(isMissing).each(Object.keys(COMMANDS))("ctxpack %s", async (name) => {
  const { example } = await (COMMANDS[name] as (typeof COMMANDS)[string]).load();
  const home = join(folder, name.replaceAll(" ", "-"));
  cpSync(prepared, home, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  const [, , , model] = services as NonNullable<typeof services>;
  const { output, status } = await runScript(home, scriptOf(name, example), {
    TOKEN: ACCOUNT.password,
    URL: `file://${join(home, "work/logs/second.jsonl")}`,
    SIGSTORE_ID_TOKEN: identityToken(),
    OPENAI_BASE_URL: model.url,
  });
  expect(status, output).toBe(0);
});
