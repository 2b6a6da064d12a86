import { type Command, defineCommand } from "../command.ts";
import { damageFields, damageLines, describeChecked } from "../damages.ts";
import { CommandError, EXIT_CODES } from "../exit.ts";
import { POLICY_FLAGS } from "../flags.ts";
import { signersOf, VERIFIER_FLAGS } from "../signer-flags.ts";

export const verify: Command = defineCommand({
  usage: "verify <uri> [--key FILE]… [--policy FILE] [--from PANTRY] [--lock FILE [--pin]]",
  example: [
    "ctxpack verify ctx://sha256:7c1e… --key release.pub",
    "ctxpack verify 7c1e44 --policy policy.json --offline",
  ],
  about:
    "Hashes every blob and every materialised file of a pack in the store, and prints its URI when all of them\n" +
    "are what they should be, else the damage, with exit code 5. With a key, an identity or a policy it also checks\n" +
    "who vouches for it: exit code 6 when nobody does who counts.",
  takes: [1, 1],
  flags: {
    ...POLICY_FLAGS,
    ...VERIFIER_FLAGS,
    from: { type: "string", value: "PANTRY", about: "the pack and the proofs that are there" },
    lock: { type: "string", value: "FILE", about: "it has to be what this lock file pins" },
    pin: { type: "boolean", about: "write what was accepted into the lock file" },
  },
  async run({ args, flags, output, open, signal, onProgress }) {
    const started = performance.now();
    if (flags.pin && flags.lock === undefined) {
      throw new CommandError("CTXPACK_E_USAGE", "--pin needs --lock FILE");
    }
    const ctx = await open({ ...(flags.offline && { offline: true }) });
    const { from, lock, pin } = flags;
    const report = await ctx.verify(args[0] as string, {
      ...signersOf(flags),
      from,
      lock,
      pin,
      signal,
      onProgress,
    });
    const { clean, damages, uri, checked, proof } = report;
    const show = output.options.plain ? damageFields : damageLines;
    const { lost: _, ...rest } = report;
    output.result(clean ? uri : damages.map(show).join("\n"), rest);
    if (proof !== undefined) output.note(proof.explanation);
    if (checked.packs === 0) output.note("its bytes were not read: it is not in the store");
    else output.note(describeChecked(report, (performance.now() - started) / 1000));
    if (clean) {
      if (proof === undefined) output.note("who made this was not checked");
      return undefined;
    }
    output.note("ctxpack fsck --repair puts it right with what the pantries have");
    return EXIT_CODES.CTXPACK_E_STORE_DAMAGED;
  },
});
