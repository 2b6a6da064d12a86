import type { LegacyPullResult, PullResult } from "@ctxpack/client";
import { pullHit } from "@ctxpack/client/hit";
import { type Command, defineCommand } from "../command.ts";
import { CONCURRENCY_FLAG, concurrencyOf, POLICY_FLAGS } from "../flags.ts";
import { formatBytes, formatSeconds, plural } from "../format.ts";

export const pull: Command = defineCommand({
  usage: "pull <uri> [--from PANTRY] [--only GLOB]… [--to DIR]",
  example: [
    "ctxpack pull ctx://sha256:7c1e… --from ghcr.io/acme/packs",
    "ctxpack pull 7c1e44 --only 'text/**' --to ./text",
  ],
  about:
    "Gets a pack from the store, else from a pantry, and prints the path of its folder: read-only, shared\n" +
    "by everybody who uses the store, or with --to a copy of your own.",
  takes: [1, 1],
  flags: {
    ...POLICY_FLAGS,
    concurrency: CONCURRENCY_FLAG,
    from: {
      type: "string",
      value: "PANTRY",
      about: "host/repository, oci:DIR, oci-archive:FILE, or a name",
    },
    only: { type: "string", value: "GLOB", multiple: true, about: "only files that match" },
    to: { type: "string", value: "DIR", about: "copy the files here; a new or empty folder" },
    pin: { type: "boolean", about: "keep it in the store whatever happens" },
    verify: { type: "boolean", about: "hash every file, also of a pack that was here" },
  },
  async run(call) {
    const { args, flags, output, cwd, open, onProgress } = call;
    // Seconds. performance.now() would load a module that a hit has no other use for.
    const started = process.uptime();
    const { from, only, to, pin, verify } = flags;
    const options = { from, only, to, pin, verify, onProgress };
    const concurrency = concurrencyOf(flags.concurrency);
    const subject = args[0] as string;
    const result =
      (flags.policy === undefined && flags["policy-sha256"] === undefined
        ? pullHit(subject, { ...options, env: process.env, cwd })
        : undefined) ??
      (await (await open({ concurrency })).pull(subject, { ...options, signal: call.signal }));
    const { path, source, blobs, bytes, verified } = result;
    const { files, content } = sizeOf(result);
    const seconds = formatSeconds(process.uptime() - started);
    if (verified === "no policy") output.note("not verified: no policy");
    output.note(
      source === "store"
        ? `in the store: ${plural(files, "file")}, ${formatBytes(content)}, ${seconds}`
        : `pulled ${plural(blobs.fetched, "blob")}, ${formatBytes(bytes.fetched)} ` +
            `from ${source} in ${seconds}`,
    );
    output.result(path, toJson(result));
    return undefined;
  },
});

type Pulled = PullResult | LegacyPullResult;

function sizeOf(result: Pulled): { readonly files: number; readonly content: number } {
  if (!("record" in result)) return result;
  return { files: result.record.files, content: result.record.bytes };
}

function toJson(result: Pulled): Readonly<Record<string, unknown>> {
  if (!("record" in result)) {
    const { content, bytes, ...rest } = result;
    return { ...rest, bytes: { content, ...bytes } };
  }
  const { uri, path, source, record, blobs, bytes, verified } = result;
  return {
    uri,
    path,
    source,
    manifest: record.manifest.digest,
    tree: record.tree,
    files: record.files,
    partial: record.partial,
    pinned: record.pinned,
    blobs,
    bytes: { content: record.bytes, ...bytes },
    verified,
  };
}
