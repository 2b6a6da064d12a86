import type { VerifiedArtifact } from "@ctxpack/client";
import { printable } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { damageLines } from "../damages.ts";
import { EXIT_CODES } from "../exit.ts";
import { POLICY_FLAGS } from "../flags.ts";
import { signersOf, VERIFIER_FLAGS } from "../signer-flags.ts";

export const traceVerify: Command = defineCommand({
  usage: "trace verify <file> [--key FILE]… [--policy FILE]",
  example: ["ctxpack trace verify handlers/user.go"],
  about:
    "Says which run in the store produced a file, by its bytes: it may have been moved and renamed. Exit code 0\n" +
    "when one did, 5 when a run wrote a file of this name with other bytes or is damaged, 3 when none produced it,\n" +
    "6 when a key or policy does not accept the run.",
  takes: [1, 1],
  flags: { ...POLICY_FLAGS, ...VERIFIER_FLAGS },
  async run({ args, flags, output, open, signal, onProgress }) {
    const ctx = await open({ ...(flags.offline && { offline: true }) });
    const found = await ctx.traces.verify(args[0] as string, {
      ...signersOf(flags),
      signal,
      onProgress,
    });
    const { run } = found;
    output.result(textOf(found), { ...found, ...(run && { run: withoutLost(run) }) });
    if (run?.check.proof) output.note(run.check.proof.explanation);
    else if (run) output.note("who recorded this was not checked");
    if (run && !run.check.clean) output.note(run.check.damages.map(damageLines).join("\n"));
    return exitCodeOf(found);
  },
});

function exitCodeOf({ verdict, run }: VerifiedArtifact): number | undefined {
  if (verdict === "modified" || run?.check.clean === false)
    return EXIT_CODES.CTXPACK_E_STORE_DAMAGED;
  return verdict === "produced" ? undefined : EXIT_CODES.CTXPACK_E_NOT_FOUND;
}

function textOf({ path, verdict, run, runs }: VerifiedArtifact): string {
  const file = printable(path);
  if (run === undefined) return `${file}: unknown; no run of ${runs} has anything to do with it`;
  const { uri, match } = run;
  const name = printable(match.name ?? "");
  const step = match.producedBy === undefined ? "" : `, step ${match.producedBy}`;
  if (verdict === "produced") {
    const renamed = match.renamed ? ` as ${name}` : "";
    const state = run.check.clean ? "" : ", which is damaged";
    return `${file}: produced${renamed} by ${uri}${step}${state}`;
  }
  if (verdict === "modified") {
    return `${file}: modified; ${uri} wrote ${name}${step} with other bytes, ${match.expected}`;
  }
  const how = match.as === "input" ? `read it as ${name}` : "holds it, and did not write it";
  return `${file}: unknown; ${uri} ${match.as === "no-bytes" ? `wrote ${name}, and its log does not hold the bytes` : how}`;
}

function withoutLost(run: NonNullable<VerifiedArtifact["run"]>) {
  const { lost: _, ...check } = run.check;
  return { ...run, check };
}
