import { type Command, defineCommand } from "../command.ts";
import { concurrencyOf } from "../flags.ts";
import { ALL_PROOFS_FLAG, PROOF_CONCURRENCY_FLAG, proofRoots } from "../proof-flags.ts";
import { tellProofs } from "../proof-report.ts";
import { SIGNER_FLAGS, signerOf } from "../signer-flags.ts";

export const proofSign: Command = defineCommand({
  usage: "proof sign [<proof|folder>… | --all] (--key FILE | --keyless) [--force]",
  example: [
    "ctxpack proof sign report.pdf.proof.json --key ci.pem",
    "ctxpack proof verify report.pdf.proof.json --key ci.pub",
  ],
  about:
    "Signs proof envelopes and writes each signature beside its envelope, as a sigstore bundle of an in-toto\n" +
    "statement about the artifact: report.pdf.proof.sigstore.json. Everything an envelope says is checked before;\n" +
    "the envelope itself is not touched. The passphrase of a key comes from CTXPACK_KEY_PASSPHRASE.\n" +
    "--keyless asks sigstore for a certificate of who the job is: in GitHub Actions, or as SIGSTORE_ID_TOKEN says.",
  takes: [0, Number.POSITIVE_INFINITY],
  flags: {
    all: ALL_PROOFS_FLAG,
    ...SIGNER_FLAGS,
    base: {
      type: "string",
      value: "DIR",
      about: "what files are relative to; each proof's folder",
    },
    force: { type: "boolean", about: "put your signature in place of one that is there" },
    concurrency: PROOF_CONCURRENCY_FLAG,
  },
  async run({ args, flags, output, cwd, signal, onProgress, telemetry }) {
    const library = await import("@ctxpack/client/proof");
    const { metrics } = await telemetry();
    const context = { cwd, env: process.env, metrics, signal };
    const services = await library.openSigner(signerOf(flags), context);
    const proofs = library.findProofFiles(proofRoots(args, flags.all), { signal });
    const reports = library.signProofFiles(proofs, {
      concurrency: concurrencyOf(flags.concurrency),
      ...services,
      base: flags.base,
      force: flags.force,
      metrics,
      signal,
      onProgress,
    });
    const describe = ({ path, bundle }: { readonly path: string; readonly bundle: string }) => ({
      text: [bundle],
      plain: [[bundle]],
      row: { path, valid: true, bundle },
    });
    return await tellProofs(reports, describe, output);
  },
});
