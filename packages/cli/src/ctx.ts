import { COMMANDS } from "./commands.ts";
import { main } from "./main.ts";

/** Commands of the earlier tool that are not about runs, and that ctxpack does not have. */
const NOT_OURS = ["index", "delta", "optimize", "metrics", "benchmark"];

/**
 * Runs `ctx`: `ctxpack trace` under the names of the earlier tool. Resolves to the exit code; never throws.
 *
 * @param argv without node and script.
 */
export async function ctx(argv: readonly string[]): Promise<number> {
  const [name = "", ...rest] = argv;
  if (NOT_OURS.includes(name)) {
    console.error(
      `error: ctx ${name} looks at the commits of a repository; ctxpack keeps runs, and does not have it`,
    );
    return 2;
  }
  return await main(name === "completion" ? completed(rest) : translated(name, rest));
}

/** `ctx completion`: the script for `ctx`; and what is typed is completed as what it stands for. */
function completed(args: readonly string[]): readonly string[] {
  const [shell = "", , ...words] = args;
  const isNamed = args.filter((word) => !word.startsWith("-")).length > 1;
  if (shell !== "answer") return ["completion", ...args, ...(isNamed ? [] : ["ctx"])];
  const [name = "", ...rest] = words;
  const isRun = rest.length === 0 || Object.hasOwn(COMMANDS, `trace ${name}`);
  const known = name === "help" && rest.length === 1 ? ["trace", ...rest] : words;
  return ["completion", "answer", "--", ...(isRun ? ["trace", ...known] : known)];
}

/** The same in ctxpack's words. */
function translated(name: string, rest: readonly string[]): readonly string[] {
  // There was a store for each project; there is one, and it makes itself.
  if (name === "init") return ["cache", "path", ...rest];
  if (name === "diff") return ["trace", "diff", ...diffFlags(rest)];
  if (name === "help" && Object.hasOwn(COMMANDS, `trace ${rest[0]}`))
    return ["help", "trace", ...rest];
  return Object.hasOwn(COMMANDS, `trace ${name}`)
    ? ["trace", name, ...rest]
    : [name, ...rest].filter(Boolean);
}

/** It printed JSON unless it was asked for text. */
function diffFlags(rest: readonly string[]): readonly string[] {
  const own = rest.filter((flag) => flag !== "--human");
  const isText =
    own.length < rest.length || own.some((flag) => ["-h", "--help", "--json"].includes(flag));
  return isText ? own : [...own, "--json"];
}
