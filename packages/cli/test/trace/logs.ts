import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Done, result, run } from "../run.ts";

/** Logs of the trace package's own tests. */
export const fixtures: string = join(import.meta.dirname, "../../../trace/test/fixtures");

/** Every one of them, as `format/name`. */
export function fixtureNames(): string[] {
  return readdirSync(fixtures, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.jsonl?$/.test(name))
    .sort();
}

/** A step of a log. */
export interface LogStep {
  readonly tool: string;
  readonly parameters?: object;
  readonly output?: string;
  readonly type?: string;
}

/** A log in the form of the earlier tool, which says all that these tests are about. */
export interface Log {
  readonly model?: string;
  readonly parameters?: object;
  readonly system?: string;
  readonly prompt?: string;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly steps?: readonly LogStep[];
  readonly tools?: Readonly<Record<string, string>>;
}

export const read = (path: string, output: string): LogStep => ({
  tool: "read_file",
  parameters: { path },
  output,
});

export const write = (path: string, content: string): LogStep => ({
  tool: "write_file",
  parameters: { path, content },
  output: "written",
});

/** The text of a log. */
export function logText(log: Log = {}): string {
  const files = (of: Readonly<Record<string, string>> = {}) =>
    Object.entries(of).map(([name, content]) => ({ name, content }));
  return JSON.stringify({
    model: { identifier: log.model ?? "m-1", parameters: log.parameters ?? { temperature: 0 } },
    system_prompt: log.system ?? "Be exact.",
    prompts: [{ role: "user", content: log.prompt ?? "Say what is in a.txt." }],
    inputs: files(log.inputs),
    steps: (log.steps ?? [read("a.txt", "alpha\n"), write("b/c.txt", "beta\n")]).map(
      (step, index) => ({ index, type: "tool_call", deterministic: true, ...step }),
    ),
    outputs: files(log.outputs),
    environment: { os: "linux", runtime: "node", tool_versions: log.tools ?? {} },
  });
}

/** Packs a log; its URI. */
export async function packLog(cwd: string, log: Log = {}, name = "log.json"): Promise<string> {
  writeFileSync(join(cwd, name), logText(log));
  return await result(["trace", "pack", name], { cwd });
}

/** What a command prints with `--json`. */
export async function json(cwd: string, ...args: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await result([...args, "--json"], { cwd }));
}

/** Replays a run; its report is there whatever the exit code is. */
export async function replay(
  cwd: string,
  ...args: string[]
): Promise<Done & { readonly report: Report }> {
  const done = await run(["trace", "replay", ...args, "--json"], { cwd });
  if (done.stdout === "") throw new Error(done.stderr);
  return { ...done, report: JSON.parse(done.stdout) };
}

export interface Report {
  readonly fidelity: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly steps: readonly {
    readonly seq: number;
    readonly name?: string;
    readonly verdict: string;
    readonly deed?: string;
    readonly reason?: string;
  }[];
  readonly outputs: readonly { readonly name: string; readonly verdict: string }[];
  readonly unrecorded: readonly object[];
  readonly environment: readonly object[];
}

/** `name verdict` of each step. */
export const verdicts = (report: Report): string[] =>
  report.steps.map(({ name, verdict }) => `${name} ${verdict}`);

/** A comparison of runs. */
export interface Diff {
  readonly drift: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly steps: Readonly<Record<string, number>>;
  readonly firstDivergence: { readonly a?: number; readonly b?: number } | null;
  readonly entries: readonly {
    readonly type: string;
    readonly change: string;
    readonly path: string;
    readonly name?: string;
    readonly changes: readonly {
      readonly path: string;
      readonly a?: object;
      readonly b?: object;
    }[];
  }[];
}

export async function diff(cwd: string, a: string, b: string, ...flags: string[]): Promise<Diff> {
  return (await json(cwd, "trace", "diff", a, b, ...flags)) as unknown as Diff;
}
