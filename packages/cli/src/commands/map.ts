import type { MapEvent, MapResult } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { MANY, RECIPE_FLAGS, RESULT_FLAGS, resultOptions } from "../computing-flags.ts";
import { tellComputing, tellDisplaced, tellHit, tellPushed } from "../computing-report.ts";
import { CommandError, EXIT_ITEMS_FAILED } from "../exit.ts";
import { concurrencyOf, POLICY_FLAGS } from "../flags.ts";
import { formatBytes, formatCount, formatSeconds, plural } from "../format.ts";
import { pickItems } from "../items-flag.ts";
import { MapProgress } from "../map-progress.ts";
import type { Output } from "../output.ts";

export const map: Command = defineCommand({
  usage: "map --in PATTERN --out TEMPLATE [--contract FILE] -- command… {in} {out}",
  example: [
    "ctxpack map --in 'docs/**/*.pdf' --out 'text/{path}.txt' -- pdftotext {in} {out}",
    "ctxpack map --in 'docs/**/*.pdf' --in prompt=prompt.txt --out 'text/{path}.json' -j 2 \\",
    "    --code extract.ts --tool node@24 -- node extract.ts {in:prompt} {in} {out}",
  ],
  about:
    "Runs a command for every file of one input, as far as nobody has its result, puts all results into one\n" +
    "folder and one pack, and prints the URI. {path} is the file's path in the folder before the first\n" +
    "wildcard, {name} its last part without extension, {ext} its extension with the dot. {in} is a copy of the\n" +
    "file whose name says nothing but its extension, {out} the file that the command writes.\n" +
    "A result is known by the file's bytes and the recipe: the command, what --code, --tool, --param, --env\n" +
    "and other inputs say. It is kept as soon as it is there. Exit code 1: items failed (--keep-going).",
  takes: [0, Number.POSITIVE_INFINITY],
  failure: { child: { exitCode: null } },
  flags: {
    in: {
      ...MANY,
      value: "[NAME=]PATH",
      about: "the files, as a pattern or folder; other inputs by name",
    },
    out: { type: "string", value: "TEMPLATE", about: "where results go: FOLDER/{path}.json" },
    concurrency: {
      type: "string",
      short: "j",
      value: "N",
      about: "commands at a time, 1 to 64; as many as there are processors unless said",
    },
    batch: { type: "string", value: "K", about: "files for one command: {in} {out} come K times" },
    "keep-going": { type: "boolean", about: "compute the others when an item has failed" },
    contract: {
      type: "string",
      value: "FILE",
      about: "the recipe; --in is then the name of one of its inputs",
    },
    tool: {
      type: "string",
      value: "NAME[@VERSION]",
      about: "what computes; the program unless said",
    },
    ...RECIPE_FLAGS,
    ...RESULT_FLAGS,
    ...POLICY_FLAGS,
    force: { type: "boolean", about: "run all of it although there are results" },
    push: {
      type: "boolean",
      about: "send the pack to a pantry, where other machines find its items",
    },
    family: {
      type: "string",
      value: "NAME",
      about: "a name by which maps with another recipe are looked at, too",
    },
  },
  async run({ args, flags, output, open, signal, onProgress }) {
    const { contract, tool, code, env, param, out } = flags;
    const { items, inputs } = pickItems(flags.in ?? []);
    const adHoc = { inputs, tool, code, env, passEnv: flags["pass-env"], params: param };
    const isAdHoc = Object.values(adHoc).some((value) => value !== undefined);
    const started = performance.now();
    const progress = new MapProgress(output);
    const ctx = await open({ offline: flags.offline });
    const result = await ctx
      .map(items, {
        out,
        contract,
        ...((isAdHoc || contract === undefined) && { adHoc }),
        command: args,
        parallel: concurrencyOf(flags.concurrency),
        batch: countOf("batch", flags.batch),
        keepGoing: flags["keep-going"],
        family: flags.family,
        ...resultOptions(flags),
        force: flags.force,
        push: flags.push,
        stderr: (chunk) => output.passOn(chunk),
        onEvent: (event) => tell(event, progress, output),
        onProgress,
        signal,
      })
      .result();
    report(result, output, (performance.now() - started) / 1000);
    const hasFailed = result.failed.length > 0;
    output.result(hasFailed ? "" : result.uri, toJson(result));
    return hasFailed ? EXIT_ITEMS_FAILED : undefined;
  },
});

function countOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9][0-9]{0,3}$/.test(text)) return Number(text);
  throw new CommandError(
    "CTXPACK_E_USAGE",
    `--${name} is "${text}"`,
    "write a number from 1 to 9999",
  );
}

function tell(event: MapEvent, progress: MapProgress, output: Output): void {
  if (output.options.json) {
    output.line(lineOf(event));
  } else if (event.kind === "miss" || event.kind === "waiting") {
    tellComputing(event, output);
  } else if (event.kind === "items") {
    const left = event.total - event.hit;
    output.note(
      `${plural(event.total, "item")}: ${formatCount(event.hit)} known, ${formatCount(left)} to compute`,
    );
    progress.begin();
  } else {
    const { error } = event.item;
    if (error !== undefined) output.note(`failed ${error.message}`);
    progress.on(event.counts);
  }
}

/** An event as a line of JSON. */
function lineOf({ kind, ...event }: MapEvent): Readonly<Record<string, unknown>> {
  if (!("item" in event)) return { event: kind, ...event };
  return { event: kind, ...itemOf(event.item), counts: event.counts };
}

function itemOf({ error, ...item }: MapResult["failed"][number]): Record<string, unknown> {
  return {
    ...item,
    error: error === undefined ? null : { code: error.code, message: error.message },
  };
}

function report(result: MapResult, output: Output, seconds: number): void {
  const { hit, record, counts, reused, displaced, pushed } = result;
  tellDisplaced(displaced, output);
  if (record === undefined) {
    const kept = counts.done + counts.hit > 0 ? "; what succeeded is known from now on" : "";
    output.note(
      `${plural(counts.failed, "item")} of ${formatCount(counts.total)} failed: no pack${kept}`,
    );
    return;
  }
  const size = `${plural(record.files, "file")}, ${formatBytes(record.bytes)}`;
  if (hit) {
    tellHit(result, size, seconds, output);
  } else {
    for (const { uri, where, items } of reused) {
      if (where !== "store") output.note(`${plural(items, "item")} of ${uri} in ${where}`);
    }
    const done = `computed ${plural(counts.done, "item")} in ${formatSeconds(seconds)}`;
    output.note(`${done}, ${formatCount(counts.hit)} known: ${size}`);
  }
  tellPushed(pushed, output);
}

function toJson(result: MapResult): Readonly<Record<string, unknown>> {
  const { uri, hit, source, record, counts, failed, output, displaced, reused, log } = result;
  const [first] = failed;
  const message = `${failed.length} of ${counts.total} items failed`;
  return {
    uri,
    hit,
    source,
    manifest: record?.manifest.digest ?? null,
    tree: record?.tree ?? null,
    files: record?.files ?? null,
    bytes: record?.bytes ?? null,
    counts,
    failed: failed.map(itemOf),
    output,
    displaced,
    reused,
    error: first === undefined ? null : { code: "CTXPACK_E_COMMAND", message, details: {} },
    child: { exitCode: counts.done > 0 && first === undefined ? 0 : null },
    durationMs: log?.durationMs ?? null,
    pushed: result.pushed ?? null,
    kept: result.kept ?? null,
  };
}
