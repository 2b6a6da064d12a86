import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { CONCURRENCY_FLAG, concurrencyOf } from "../flags.ts";
import { formatBytes, formatSeconds, plural } from "../format.ts";
import { SIGNER_FLAGS, signerOf } from "../signer-flags.ts";

export const push: Command = defineCommand({
  usage: "push <uri> [--to PANTRY] [--attest (--key FILE | --keyless)]",
  example: ["ctxpack push ctx://sha256:7c1e… --to ghcr.io/acme/packs"],
  about:
    "Sends a pack from the store to a pantry, the first configured one unless told otherwise, and prints\n" +
    "PANTRY@DIGEST of its manifest there. What the pantry has is not sent again.\n" +
    "Proofs that the store keeps of it (ctxpack attest) go along.",
  takes: [1, 1],
  flags: {
    concurrency: CONCURRENCY_FLAG,
    to: {
      type: "string",
      value: "PANTRY",
      about: "host/repository, oci:DIR, or a configured name",
    },
    attest: { type: "boolean", about: "sign how it was made, and attach the proof" },
    ...SIGNER_FLAGS,
    replace: {
      type: "boolean",
      about: "in place of another output of the same contract, which stays as an alternate",
    },
    "with-inputs": {
      type: "boolean",
      about: "attach the names and digests of its input files, so that why can name them elsewhere",
    },
    "allow-secret": {
      type: "string",
      value: "POINTER",
      multiple: true,
      about: "this value looks like a secret and is none",
    },
  },
  async run({ args, flags, output, open, signal, onProgress }) {
    const started = performance.now();
    if (!flags.attest && (flags.key !== undefined || flags.keyless)) {
      throw new CommandError("CTXPACK_E_USAGE", "a key, and nothing to sign", "add --attest");
    }
    const ctx = await open({ concurrency: concurrencyOf(flags.concurrency) });
    const result = await ctx.push(args[0] as string, {
      to: flags.to,
      replace: flags.replace,
      withInputs: flags["with-inputs"],
      ...(flags.attest && { attest: signerOf(flags) }),
      allowSecret: flags["allow-secret"],
      signal,
      onProgress,
    });
    const { pantry, manifest, action, blobs, bytes, inputs, proofs } = result;
    const seconds = formatSeconds((performance.now() - started) / 1000);
    output.note(
      action === "exists" && blobs.sent === 0
        ? `${pantry} has it already`
        : `pushed ${plural(blobs.sent, "blob")}, ${formatBytes(bytes.sent)} in ${seconds}; ` +
            `${plural(blobs.existing, "blob")} already there`,
    );
    if (proofs > 0) output.note(`${plural(proofs, "proof")} attached to it`);
    if (inputs !== undefined) {
      output.note(`file lists attached: ${inputs.attached.join(", ") || "there are none"}`);
      for (const pointer of inputs.missing) {
        output.warning(`the files of ${pointer} are not known here: resolve its contract first`);
      }
    }
    output.result(`${pantry}@${manifest}`, { ...result });
    return undefined;
  },
});
