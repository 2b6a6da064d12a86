import { type Command, defineCommand } from "../command.ts";
import { candidatesFor } from "../completion/candidates.ts";
import { positionOf } from "../completion/position.ts";
import { PROGRAMS, SHELLS, scriptFor } from "../completion/scripts.ts";
import { CommandError } from "../exit.ts";

/** Words of a command line: more is nothing a person completes. */
const MOST_WORDS = 10_000;

export const completion: Command = defineCommand({
  usage: "completion bash|zsh|fish|powershell [ctx]",
  example: [
    "ctxpack completion fish > ~/.config/fish/completions/ctxpack.fish",
    'eval "$(ctxpack completion bash)"                # in ~/.bashrc; zsh the same in ~/.zshrc',
    "ctxpack completion powershell | Out-String | Invoke-Expression   # in $PROFILE",
  ],
  about:
    "Prints what a shell evaluates to complete commands, flags, files, contracts, URIs of the store and pantries;\n" +
    "with ctx, or as ctx completion, of the binary ctx.\n" +
    "The shell then asks ctxpack completion answer -- WORD… at every TAB; no pantry is asked.",
  takes: [1, MOST_WORDS],
  flags: {},
  async run({ args, output, open }) {
    const [shell = "", ...words] = args;
    if (output.options.json) {
      throw new CommandError("CTXPACK_E_USAGE", "completion speaks to shells: there is no --json");
    }
    if (shell === "answer") {
      output.result(await answer(words, () => open({ offline: true })), {});
      return undefined;
    }
    const known = SHELLS.find((one) => one === shell);
    const [name = "ctxpack", ...others] = words;
    const program = PROGRAMS.find((one) => one === name);
    if (known === undefined || program === undefined || others.length > 0) {
      throw new CommandError(
        "CTXPACK_E_USAGE",
        `"${args.join(" ")}" is no shell that is known here`,
        `write ctxpack completion ${SHELLS.join("|")}`,
      );
    }
    output.result(scriptFor(known, program).trimEnd(), {});
    return undefined;
  },
});

/** The lines that the scripts read. */
async function answer(
  words: readonly string[],
  open: Parameters<typeof candidatesFor>[2],
): Promise<string> {
  const word = words.at(-1) ?? "";
  const { words: found, disk } = await candidatesFor(await positionOf(words), word, open);
  const lines = found.map((one) => `${one.word}\t${oneLine(one.about)}`);
  return [...lines, `:${disk}`].join("\n");
}

/** Names come from contracts of anybody: nothing that a terminal would act upon. */
function oneLine(text: string): string {
  return text.replace(/\p{C}+/gu, " ").slice(0, 100);
}
