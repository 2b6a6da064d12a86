import type { LoggedRun } from "@ctxpack/trace";
import { type Command, defineCommand } from "../command.ts";
import { numberOf } from "../trace-flags.ts";

export const traceLog: Command = defineCommand({
  usage: "trace log [--graph] [-n N]",
  example: ["ctxpack trace log --graph"],
  about:
    "Lists the runs in the store, the latest first; forks come before what they are forks of. With --graph lines\n" +
    "are drawn between them.",
  takes: [0, 0],
  flags: {
    graph: { type: "boolean", about: "draw what is a fork of what" },
    limit: { type: "string", short: "n", value: "N", about: "only so many" },
  },
  async run({ flags, output, open, signal }) {
    const limit = numberOf(flags.limit, "limit") ?? Number.POSITIVE_INFINITY;
    const ctx = await open();
    const all: LoggedRun[] = [];
    for await (const run of ctx.traces.list({ signal })) all.push(run);
    const { lineage, renderLog } = await import("@ctxpack/trace");
    const nodes = lineage(all).slice(0, limit);
    const text = renderLog(nodes, { graph: flags.graph }).trimEnd();
    output.result(output.options.plain ? nodes.map(({ uri }) => uri).join("\n") : text, {
      runs: nodes.map(({ uri, head, parents, children, missing }) => ({
        uri,
        ...(head.name !== undefined && { name: head.name }),
        source: head.source,
        models: head.models.map(({ requested, served }) => requested ?? served ?? null),
        steps: head.steps.count,
        totals: head.totals,
        parents,
        children,
        missing,
      })),
    });
    return undefined;
  },
});
