import type { ContractStatus } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { EXIT_CODES, EXIT_MISS } from "../exit.ts";
import { POLICY_FLAGS } from "../flags.ts";
import { formatTable } from "../format.ts";

export const status: Command = defineCommand({
  usage: "status [<contract>…]",
  example: ["ctxpack status", "ctxpack status --quiet || make index"],
  about:
    "Says how the results of a project's contracts stand: fresh (in the store), remote (in a pantry), stale and\n" +
    "why, never built, unknown (the contract cannot be resolved). Looks for contract.yaml and NAME.contract.yaml\n" +
    "(.yml, .json) in this folder and below unless contracts are named. With --quiet it prints nothing, and the\n" +
    "exit code is 3 when a result is stale or was never built.",
  takes: [0, Infinity],
  flags: { ...POLICY_FLAGS },
  async run({ args, output, open, signal, onProgress }) {
    const ctx = await open();
    const { contracts, fresh } = await ctx.status({ contracts: args, signal, onProgress });
    const { clausesOf, printable } = await import("@ctxpack/client");
    const { quiet, json, plain } = output.options;
    const reason = ({ explanation, error }: ContractStatus) =>
      printable(error?.message ?? (explanation ? clausesOf(explanation.differences) : ""));
    if (!quiet || json) {
      const text = plain ? plainRows(contracts, reason) : table(contracts, reason);
      output.result(text, { contracts, fresh });
    }
    if (contracts.length === 0) output.note("there is no contract here: ctxpack init writes one");
    const failed = contracts.find(({ error }) => error !== undefined)?.error;
    if (failed !== undefined) return EXIT_CODES[failed.code];
    return quiet && !fresh ? EXIT_MISS : undefined;
  },
});

type Reason = (contract: ContractStatus) => string;

function table(contracts: readonly ContractStatus[], reason: Reason): string {
  const rows = contracts.map((one) => [one.state, pantriesOf(one), one.file]);
  if (rows.length === 0) return "";
  const [heading = "", ...lines] = formatTable([["STATE", "PANTRY", "CONTRACT"], ...rows]).split(
    "\n",
  );
  const told = contracts.flatMap((one, i) => {
    const why = reason(one);
    return [lines[i] ?? "", ...(why === "" ? [] : [`    ${why}`])];
  });
  return [heading, ...told].join("\n");
}

function plainRows(contracts: readonly ContractStatus[], reason: Reason): string {
  return contracts
    .map((one) => [one.state, pantriesOf(one), one.uri ?? "", one.file, reason(one)].join("\t"))
    .join("\n");
}

/** Where it can be had, `?` where somebody who could not be asked may have it. */
function pantriesOf({ pantries }: ContractStatus): string {
  if (pantries === undefined) return "?";
  if (pantries.has.length > 0) return pantries.has.join(",");
  return pantries.failed.length > 0 ? "?" : "-";
}
