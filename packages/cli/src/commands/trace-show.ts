import { resolve } from "node:path";
import type { Run, Step } from "@ctxpack/trace";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { jsonText } from "../harmless.ts";
import { writeNewFile } from "../new-file.ts";
import type { Output } from "../output.ts";
import { numberOf, TRACE_FROM_FLAG } from "../trace-flags.ts";

export const traceShow: Command = defineCommand({
  usage: "trace show <uri> [--step N | --html FILE] [--from PANTRY]",
  example: ["ctxpack trace show 58a6ff02", "ctxpack trace show 58a6ff02 --html run.html"],
  about:
    "Shows a run: what is known of it, then its steps, a line each; with --step one of them with all it holds.\n" +
    "With --json its head and its steps, where what is longer than 1 KiB is named by its digest.",
  takes: [1, 1],
  flags: {
    html: { type: "string", value: "FILE", about: "write a page to look at, a new file" },
    step: { type: "string", value: "N", about: "only this step, whole" },
    from: TRACE_FROM_FLAG,
  },
  async run({ args, flags, output, cwd, open, signal }) {
    const seq = numberOf(flags.step, "step");
    if (seq !== undefined && flags.html !== undefined) {
      throw new CommandError("CTXPACK_E_USAGE", "--html and --step do not go together");
    }
    const ctx = await open();
    const run = await ctx.traces.open(args[0] as string, { from: flags.from, signal });
    if (flags.html !== undefined) {
      const path = resolve(cwd, flags.html);
      const { showPage } = await import("@ctxpack/trace");
      await writeNewFile(path, showPage(run, { signal }), signal);
      output.result(path, { uri: run.uri, path });
    } else if (seq !== undefined) await showStep(run, seq, output, signal);
    else if (output.options.json) await showJson(run, output, signal);
    else await showText(run, output, signal);
    return undefined;
  },
});

async function showText(run: Run, output: Output, signal: AbortSignal): Promise<void> {
  const { renderRun } = await import("@ctxpack/trace");
  for await (const piece of renderRun(run, { signal })) await output.bytes(Buffer.from(piece));
}

/** Written while it is read, a second time: a run may have a million steps, and one that is damaged prints nothing. */
async function showJson(run: Run, output: Output, signal: AbortSignal): Promise<void> {
  for await (const _ of run.steps({ signal })) signal.throwIfAborted();
  const { uri, head } = run;
  const open = jsonText({ schemaVersion: 1, uri, head });
  let text = `${open.slice(0, -1)},"steps":[`;
  for await (const step of run.steps({ signal })) {
    text += `${step.seq === 0 ? "" : ","}${jsonText(step)}`;
    if (text.length < 65_536) continue;
    await output.bytes(Buffer.from(text));
    text = "";
  }
  await output.bytes(Buffer.from(`${text}]}\n`));
}

async function showStep(run: Run, seq: number, output: Output, signal: AbortSignal): Promise<void> {
  const { renderStep } = await import("@ctxpack/trace");
  let found: Step | undefined;
  // All are read: whether it is a step of this run is known after the last one.
  for await (const step of run.steps({ signal })) if (step.seq === seq) found = step;
  if (found === undefined) {
    throw new CommandError(
      "CTXPACK_E_NOT_FOUND",
      `${run.uri} has no step ${seq}`,
      `it has ${run.head.steps.count}, from 0`,
    );
  }
  if (output.options.json) output.result("", { uri: run.uri, step: found });
  else await output.bytes(Buffer.from(await renderStep(run, found, { signal })));
}
