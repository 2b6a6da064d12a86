import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { type Flag, type FlagTable, GLOBAL_FLAGS } from "./flags.ts";
import { formatTable } from "./format.ts";

/** What `ctxpack help` tells beside commands; the rest is loaded when it is asked. */
export const TOPIC_NAMES: readonly string[] = ["contract", "config", "env", "exit-codes"];

/** What `ctxpack --help` prints; opens with the main job. */
export function mainHelp(): string {
  const groups = Map.groupBy(Object.entries(COMMANDS), ([, { group }]) => group);
  const sections = [...groups].map(([group, entries]) => {
    const rows = entries.map(([name, { summary }]) => [`  ${name}`, summary]);
    return `${group}\n${formatTable(rows)}`;
  });
  return [
    `Compute once, pull by URI.

  ctxpack init                                      # write contract.yaml
  ctxpack run --contract contract.yaml -- make index
  ctxpack seed ./index --contract contract.yaml     # after computing ./index
  ctxpack push ctx://sha256:7c1e… --to oci:./pantry
  ctxpack pull ctx://sha256:7c1e… --from oci:./pantry`,
    "usage: ctxpack <command> [flags]",
    ...sections,
    `flags of every command\n${flagRows(GLOBAL_FLAGS)}`,
    `ctxpack <command> --help says more; ctxpack help ${TOPIC_NAMES.join("|")} of that.`,
    "Exit codes: 0 ok, 1 items of map failed, 2 usage,\n" +
      "3 no such pack, 4 permission, 5 integrity, 6 policy, 7 unavailable, 8 conflict, 9 lock, 10 disk full, 11 replay degraded,\n12 replay failed, 70 a bug;\n" +
      "of run and map, once a command has run: that of the command, 124 out of time, 125 ctxpack failed after it.",
  ].join("\n\n");
}

/** What `ctxpack <command> --help` prints; opens with its example. */
export function commandHelp(command: Command): string {
  const own = Object.keys(command.flags).length > 0 ? [`flags\n${flagRows(command.flags)}`] : [];
  return [
    command.example.map((line) => `  ${line}`).join("\n"),
    `usage: ctxpack ${command.usage}`,
    command.about,
    ...own,
    `flags of every command\n${flagRows(GLOBAL_FLAGS)}`,
  ].join("\n\n");
}

function flagRows(table: FlagTable): string {
  return formatTable(
    Object.entries(table).map(([name, flag]) => [`  ${flagSpelling(name, flag)}`, flag.about]),
  );
}

/** `-j, --concurrency N` */
export function flagSpelling(name: string, flag: Flag): string {
  const short = flag.short ? `-${flag.short}, ` : "";
  const value = flag.type === "string" ? ` ${flag.value ?? "VALUE"}` : "";
  return `${short}--${name}${value}`;
}
