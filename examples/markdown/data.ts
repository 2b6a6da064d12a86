// JSON and YAML that documents show, held against what reads such files in the product.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import { parseContract, parseResolvedContract } from "@ctxpack/identity";
import { METRICS, parseLock, parsePolicy, parseProvenance, parseStatement } from "@ctxpack/proof";
import { parse } from "yaml";
import { KEYS } from "../../packages/cli/src/topics/config.ts";
import { checkCommand, checkScript } from "./command-line.ts";
import { root } from "./document.ts";

type Members = Readonly<Record<string, unknown>>;

/** What reads a document of this kind; throws what it says. */
interface Reader {
  readonly kind: string;
  reads(members: Members): boolean;
  check(text: string, members: Members, file: string): unknown;
}

const READERS: readonly Reader[] = [
  {
    kind: "policy",
    reads: ({ schema }) => schema === "ctxpack.policy/v1",
    check: (text, _, file) => parsePolicy(text, file),
  },
  {
    kind: "lock file",
    reads: ({ schema }) => schema === "ctxpack.lock/v1",
    check: (text, _, file) => parseLock(text, file),
  },
  {
    kind: "resolved contract",
    reads: ({ schema }) => schema === "ctxpack.contract/v1",
    check: (text) => parseResolvedContract(new TextEncoder().encode(text)),
  },
  {
    kind: "contract",
    reads: (members) => "transforms" in members,
    check: (text, _, file) => parseContract(text, { file }),
  },
  {
    kind: "provenance",
    reads: (members) => "_type" in members,
    check: (text) => parseProvenance(parseStatement(new TextEncoder().encode(text))),
  },
  {
    kind: "configuration",
    reads: (members) => Object.keys(members).every((key) => key in KEYS),
    check: (text) => openWith(text),
  },
  {
    kind: "servers of an agent",
    reads: (members) => "mcpServers" in members,
    check: async (_, { mcpServers }) => {
      for (const { command, args } of Object.values(
        mcpServers as Record<string, { command: string; args: string[] }>,
      )) {
        await checkCommand([command, ...args]);
      }
    },
  },
  {
    kind: "measurement",
    reads: (members) => "trace_id" in members,
    check: (_, { name, kind, unit }) => {
      const known = METRICS[name as keyof typeof METRICS];
      if (known?.kind !== kind || known.unit !== unit) throw new Error(`${name} is no metric`);
    },
  },
  { kind: "workflow", reads: (members) => "jobs" in members, check: (_, it) => checkWorkflow(it) },
  {
    kind: "pipeline",
    reads: (members) => Object.values(members).some((job) => isObject(job) && "script" in job),
    check: async (_, members) => {
      for (const job of Object.values(members)) {
        if (isObject(job) && Array.isArray(job["script"]))
          await checkScript(job["script"].join("\n"));
      }
    },
  },
];

/** Throws unless it is JSON or YAML that the product reads; resolves to what it is. */
export async function checkData(language: string, text: string, file: string): Promise<string> {
  const value: unknown = language === "json" ? JSON.parse(text) : parse(text);
  const reader = isObject(value) ? READERS.find((one) => one.reads(value)) : undefined;
  if (!isObject(value) || reader === undefined) {
    throw new Error(`${file}: nothing of ours reads this; say what it is in data.ts`);
  }
  await reader.check(text, value, file);
  return reader.kind;
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function openWith(config: string): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "ctxpack-config-"));
  try {
    mkdirSync(join(home, "ctxpack"));
    writeFileSync(join(home, "ctxpack/config.json"), config);
    for (const name of ["ca.pem", "me.pem", "me.key"])
      writeFileSync(join(home, "ctxpack", name), "");
    const env = { XDG_CONFIG_HOME: home, HOME: home };
    await using _ = await CtxPack.open({ cwd: home, env });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Its scripts, and what it hands to our action. */
async function checkWorkflow({ jobs }: Members): Promise<void> {
  const { inputs } = parse(readFileSync(join(root, "action/action.yml"), "utf8"));
  for (const { steps = [] } of Object.values(jobs as Record<string, { steps?: Members[] }>)) {
    for (const { uses, run, with: given = {} } of steps) {
      if (typeof run === "string") await checkScript(run.replaceAll(/\$\{\{.*?\}\}/g, "x"));
      if (!String(uses).startsWith("ctxpack/ctxpack/action@")) continue;
      const unknown = Object.keys(given as object).filter((name) => !(name in inputs));
      if (unknown.length > 0) throw new Error(`action.yml has no input ${unknown.join(", ")}`);
    }
  }
}
