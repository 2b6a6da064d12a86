import type { CheckReport, DamageState } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { damageFields, damageLines, describeChecked } from "../damages.ts";
import { EXIT_CODES } from "../exit.ts";
import { plural } from "../format.ts";
import type { Output } from "../output.ts";

export const fsck: Command = defineCommand({
  usage: "fsck [--deep] [--repair [--from PANTRY]]",
  example: [
    "ctxpack fsck                  # presence, sizes, modes, owners",
    "ctxpack fsck --deep --repair  # read everything, put right what is wrong",
  ],
  about:
    "Looks for damage in the store and prints each by its name. With --repair what is damaged is moved to\n" +
    "quarantine/, folders are made again, and blobs are fetched from the pantries; a pack that nobody has is lost\n" +
    "and no hit any more. Others may use the store meanwhile. Exit code 5 when damage is left.",
  takes: [0, 0],
  flags: {
    deep: { type: "boolean", about: "hash every blob and every materialised file" },
    repair: { type: "boolean", about: "put right what can be" },
    from: { type: "string", value: "PANTRY", about: "fetch only from there" },
  },
  async run({ flags, output, open, signal, onProgress }) {
    const started = performance.now();
    const ctx = await open();
    const { deep, repair, from } = flags;
    const report = await ctx.fsck({ deep, repair, from, signal, onProgress });
    const show = output.options.plain ? damageFields : damageLines;
    output.result(report.damages.map(show).join("\n"), {
      deep: deep === true,
      repair: repair === true,
      ...report,
    });
    output.note(describeChecked(report, (performance.now() - started) / 1000));
    tell(report, output, repair === true);
    return report.clean ? undefined : EXIT_CODES.CTXPACK_E_STORE_DAMAGED;
  },
});

function tell({ damages, lost }: CheckReport, output: Output, isRepair: boolean): void {
  const count = (state: DamageState): number =>
    damages.filter((one) => one.state === state && one.severity === "damage").length;
  const left = damages.filter(
    ({ severity, state }) => severity === "leftover" && state === "found",
  );
  if (damages.length === 0) output.note("nothing is damaged");
  if (count("found") > 0) output.note(`${plural(count("found"), "damage")}: see --repair`);
  if (left.length > 0 && !isRepair) {
    output.note(`${plural(left.length, "leftover")}, of which nothing is served: see --repair`);
  }
  if (count("repaired") > 0) output.note(`${plural(count("repaired"), "damage")} repaired`);
  if (count("refused") > 0) {
    output.warning(`${plural(count("refused"), "damage")} could not be repaired: the disk says no`);
  }
  for (const uri of lost) output.warning(`lost, and no hit any more: ${uri}`);
}
