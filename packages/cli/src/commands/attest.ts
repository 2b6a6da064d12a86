import { type Command, defineCommand } from "../command.ts";
import { SIGNER_FLAGS, signerOf } from "../signer-flags.ts";

export const attest: Command = defineCommand({
  usage: "attest <uri> (--key FILE | --keyless) [--to PANTRY]",
  example: [
    "ctxpack attest ctx://sha256:7c1e… --key release.pem",
    "ctxpack attest 7c1e44 --keyless --to ghcr.io/acme/packs",
  ],
  about:
    "Signs what the store says of how a pack was made (SLSA provenance in a sigstore bundle) and prints the digest\n" +
    "of the bundle. It is kept with the pack, and push takes it along; with --to it speaks of the manifest that the\n" +
    "pantry has and is attached to that, where cosign and gh find it too. ctxpack inspect shows what would be said.",
  takes: [1, 1],
  flags: {
    ...SIGNER_FLAGS,
    to: { type: "string", value: "PANTRY", about: "sign and attach it there" },
  },
  async run({ args, flags, output, open, signal, onProgress }) {
    const ctx = await open();
    const subject = args[0] as string;
    const { to } = flags;
    const result = await ctx.attest(subject, { ...signerOf(flags), to, signal, onProgress });
    const { manifest, builder, pantry, referrer } = result;
    output.note(`signed for ${manifest}, made by ${builder}`);
    if (pantry !== undefined) output.note(`attached to it in ${pantry}: ${referrer}`);
    output.result(result.bundle, { ...result });
    return undefined;
  },
});
