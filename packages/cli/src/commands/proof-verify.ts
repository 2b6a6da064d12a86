import { type Command, defineCommand } from "../command.ts";
import { concurrencyOf } from "../flags.ts";
import { ALL_PROOFS_FLAG, PROOF_CONCURRENCY_FLAG, proofRoots } from "../proof-flags.ts";
import { describeVerdict, tellProofs } from "../proof-report.ts";
import { signersOf, VERIFIER_FLAGS } from "../signer-flags.ts";

export const proofVerify: Command = defineCommand({
  usage: "proof verify [<proof|folder>… | --all] [--key FILE]…",
  example: [
    "ctxpack proof verify report.pdf.proof.json --key ci.pub",
    "ctxpack proof verify --all --plain",
  ],
  about:
    "Checks proof envelopes: every file they name by its digest, line ranges and quotes in the text, and with\n" +
    "--key that the holder of that key has signed exactly this. One line each, in their order: PASS or FAIL. The\n" +
    "exit code is that of the gravest failure; 3 when there is nothing to check. Only a trust root is ever fetched:\n" +
    "for --identity without --trusted-root.",
  takes: [0, Number.POSITIVE_INFINITY],
  flags: {
    all: ALL_PROOFS_FLAG,
    ...VERIFIER_FLAGS,
    snapshots: {
      type: "string",
      value: "DIR",
      about: "what URLs answered: files called by their sha256 in hex",
    },
    base: {
      type: "string",
      value: "DIR",
      about: "what files are relative to; each proof's folder",
    },
    concurrency: PROOF_CONCURRENCY_FLAG,
  },
  async run({ args, flags, output, cwd, signal, onProgress, telemetry }) {
    const library = await import("@ctxpack/client/proof");
    const { base, snapshots } = flags;
    const { metrics } = await telemetry();
    await using signatures = await library.readSignerFiles(signersOf(flags), {
      cwd,
      env: process.env,
      offline: flags.offline,
      metrics,
      signal,
    });
    const proofs = library.findProofFiles(proofRoots(args, flags.all), { signal });
    const reports = library.verifyProofFiles(proofs, {
      concurrency: concurrencyOf(flags.concurrency),
      signatures,
      snapshots,
      base,
      metrics,
      signal,
      onProgress,
    });
    const code = await tellProofs(reports, describeVerdict, output);
    if (signatures === undefined) output.note("who made this was not checked");
    return code;
  },
});
