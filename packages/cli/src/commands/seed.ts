import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { formatBytes, formatSeconds, plural } from "../format.ts";

export const seed: Command = defineCommand({
  usage: "seed <folder> --contract FILE",
  example: ["ctxpack seed ./processed_data --contract contract.json"],
  about: "Puts a folder into the store as the output of a contract, and prints the URI.",
  takes: [1, 1],
  flags: {
    contract: { type: "string", value: "FILE", about: "what made the folder" },
    name: { type: "string", value: "NAME", about: "a label for people; default: the contract's" },
    replace: { type: "boolean", about: "in place of another output of the same contract" },
    segments: { type: "string", value: "fine", about: "ten times as many, smaller segments" },
    "allow-secret": {
      type: "string",
      value: "POINTER",
      multiple: true,
      about: "this value looks like a secret and is none",
    },
    "no-stat-cache": { type: "boolean", about: "read every input although its digest is known" },
  },
  async run({ args, flags, output, open, signal, onProgress }) {
    const { contract, segments } = flags;
    if (contract === undefined) {
      throw new CommandError("CTXPACK_E_USAGE", "--contract is missing", "write --contract FILE");
    }
    if (segments !== undefined && segments !== "fine") {
      throw new CommandError("CTXPACK_E_USAGE", `there are no "${segments}" segments`, "fine");
    }
    const started = performance.now();
    const ctx = await open();
    const result = await ctx.seed(args[0] as string, {
      contract,
      name: flags.name,
      replace: flags.replace,
      fine: segments === "fine",
      allowSecret: flags["allow-secret"],
      statCache: !flags["no-stat-cache"],
      signal,
      onProgress,
    });
    const { record, created, bytes, warnings } = result;
    for (const warning of warnings) output.warning(warning);
    const size = `${plural(record.files, "file")}, ${formatBytes(record.bytes)}`;
    const seconds = formatSeconds((performance.now() - started) / 1000);
    const news = `${plural(result.segments.new, "new segment")} of ${result.segments.total}`;
    output.note(
      created
        ? `seeded ${size} in ${seconds}: ${news}, ${formatBytes(bytes.stored)} stored`
        : `already in the store: ${size}`,
    );
    output.result(record.uri, {
      uri: record.uri,
      manifest: record.manifest.digest,
      tree: record.tree,
      files: record.files,
      created,
      segments: result.segments,
      bytes: { content: record.bytes, ...bytes },
      warnings,
    });
    return undefined;
  },
});
