import { dirname, resolve } from "node:path";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { concurrencyOf, TELEMETRY_FLAGS } from "../flags.ts";
import { PROOF_CONCURRENCY_FLAG } from "../proof-flags.ts";
import { type Described, tellProofs } from "../proof-report.ts";

export const proofCreate: Command = defineCommand({
  usage: "proof create <artifact>… --runtime FILE [--evidence FILE] [--bundle FILE]… [--stage KEY]",
  example: [
    "ctxpack proof create report.pdf --runtime runtime.json --evidence evidence.json",
    "ctxpack proof verify report.pdf.proof.json",
  ],
  about:
    "Writes <artifact>.proof.json beside each artifact: what it is, what it was made by, and the evidence for what\n" +
    "it says. Digests are computed; quotes and line ranges are looked up in the files that they are from. With\n" +
    "--stage the artifact is a run manifest, and the proof that of one of its stages. Signs nothing.",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    runtime: {
      type: "string",
      value: "FILE",
      about: 'JSON: {"model", "parameters", "tooling"} it was made by',
    },
    mime: { type: "string", value: "TYPE", about: "media type; application/octet-stream" },
    context: { type: "string", value: "FILE", about: "JSON object that everybody may read" },
    evidence: { type: "string", value: "FILE", about: "JSON list of files, lines, quotes, URLs" },
    policy: { type: "string", value: "FILE", about: "JSON list of policy receipts" },
    trace: { type: "string", value: "FILE", about: 'JSON: {"otel": {"traceId", "rootSpanId"}}' },
    "sealed-ref": {
      type: "string",
      value: "FILE",
      about: 'JSON: {"uri", "sha256"} of context that is not for everybody',
    },
    bundle: { type: "string", multiple: true, value: "FILE", about: "a file that belongs to it" },
    stage: { type: "string", value: "KEY", about: "prove this stage of a run manifest" },
    agent: { type: "string", value: "NAME", about: "who speaks; ctxpack" },
    role: { type: "string", value: "NAME", about: "as what; worker" },
    run: { type: "string", value: "ID", about: "in which run" },
    out: { type: "string", value: "FILE", about: "where the proof of the one artifact goes" },
    "allow-secret": {
      type: "string",
      multiple: true,
      value: "POINTER",
      about: "what looks like a secret there is none: /context/public/password",
    },
    concurrency: PROOF_CONCURRENCY_FLAG,
    ...TELEMETRY_FLAGS,
  },
  async run({ args, flags, output, cwd, signal, onProgress, telemetry }) {
    if (flags.runtime === undefined) {
      throw new CommandError(
        "CTXPACK_E_USAGE",
        "--runtime is missing",
        'write {"model": "…"} into a file and name it',
      );
    }
    const single = flags.out === undefined ? flags.stage && "--stage" : "--out";
    if (single && args.length > 1) {
      throw new CommandError("CTXPACK_E_USAGE", `${single} is for one artifact`, "name one");
    }
    const library = await import("@ctxpack/client/proof");
    const files = { ...flags, runtime: flags.runtime, sealed: flags["sealed-ref"] };
    const statements = {
      ...(await library.readStatementFiles(files, { cwd, signal })),
      allowSecret: flags["allow-secret"],
      artifactMime: flags.mime ?? "application/octet-stream",
      bundlePaths: (flags.bundle ?? []).map((path) => resolve(cwd, path)),
      actor: {
        agent: flags.agent ?? "ctxpack",
        role: flags.role ?? "worker",
        ...(flags.run !== undefined && { runId: flags.run }),
      },
    };
    const { metrics } = await telemetry();
    const concurrency = concurrencyOf(flags.concurrency);
    const options = { concurrency, metrics, signal, onProgress };
    if (flags.stage === undefined) {
      const { out } = flags;
      const made = library.createProofFiles(args, {
        ...options,
        statements,
        ...(out !== undefined && { out: () => out }),
      });
      return await tellProofs(made, describe, output);
    }
    const [manifestPath = ""] = args;
    const proof = flags.out ?? `${manifestPath.replace(/\.json$/, "")}.${flags.stage}.proof.json`;
    const input = { ...statements, manifestPath, stageKey: flags.stage, base: dirname(proof) };
    const { envelope } = await library.createStageProofEnvelope(input, options);
    await library.writeProofEnvelope(proof, envelope, { signal });
    const told = describe({ path: manifestPath, proof });
    output.result(proof, { proofs: [told.row] });
    return undefined;
  },
});

function describe({ path, proof }: { readonly path: string; readonly proof: string }): Described {
  return { text: [proof], plain: [[proof]], row: { path, valid: true, proof } };
}
