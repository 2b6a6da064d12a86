import { type Command, defineCommand } from "../command.ts";
import { CONCURRENCY_FLAG, concurrencyOf } from "../flags.ts";
import { formatBytes, plural } from "../format.ts";

export const cp: Command = defineCommand({
  usage: "cp <from> <to> [<uri>…] [--all | --proofs]",
  example: [
    "ctxpack cp ghcr.io/acme/packs oci-archive:./packs.tar --all   # onto a stick",
    "ctxpack cp oci-archive:./packs.tar oci:./pantry --all   # and off it",
    "ctxpack cp ghcr.io/acme/packs oci:./layout ctx://sha256:7c1e… --proofs   # for cosign --local-image",
  ],
  about:
    "Copies whole packs with their proofs between pantries and archive files, and prints what was copied,\n" +
    "one tag a line. <from> may name one tag: oci:DIR:TAG, host/repository:TAG.",
  takes: [2, 1000],
  flags: {
    concurrency: CONCURRENCY_FLAG,
    all: { type: "boolean", about: "every tag of <from>" },
    proofs: {
      type: "boolean",
      about: "one pack's manifest and proofs, no data, into a new oci:DIR that cosign reads",
    },
    replace: {
      type: "boolean",
      about: "in place of other outputs of the same contracts, which stay as alternates",
    },
  },
  async run({ args, flags, output, open, signal, onProgress }) {
    const ctx = await open({ concurrency: concurrencyOf(flags.concurrency) });
    const [from = "", to = "", ...packs] = args;
    const result = await ctx.copy(from, to, {
      packs,
      all: flags.all,
      replace: flags.replace,
      proofs: flags.proofs,
      signal,
      onProgress,
    });
    const { tags, blobs, bytes } = result;
    output.note(
      `copied ${plural(blobs.sent, "blob")}, ${formatBytes(bytes.sent)}; ` +
        `${plural(blobs.existing, "blob")} already there`,
    );
    output.result(tags.map(({ tag, manifest }) => `${tag}\t${manifest}`).join("\n"), { ...result });
    return undefined;
  },
});
