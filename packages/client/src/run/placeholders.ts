import { CtxPackError } from "@ctxpack/identity";

/** What placeholders stand for: the path of each input that has one, and of each output. */
export interface PlaceholderPaths {
  /** Asked for the inputs that are named; `undefined` for one that is no file or folder. */
  input(name: string): Promise<string | undefined>;
  readonly inputs: readonly string[];
  readonly outputs: readonly { readonly name: string; readonly shown: string }[];
}

const PLACEHOLDER = /\{(in|out)(?::([^{}]*))?\}/g;

/**
 * Replaces `{in:NAME}`, `{out}` and `{out:NAME}`; `{in}` is the input called `in`, else the only one. Throws
 * CTXPACK_E_USAGE for a name that nothing has.
 */
export async function expandPlaceholders(
  argv: readonly string[],
  paths: PlaceholderPaths,
): Promise<readonly string[]> {
  const known = new Map<string, string>();
  for (const [whole, kind, name] of argv.flatMap((text) => [...text.matchAll(PLACEHOLDER)])) {
    if (known.has(whole)) continue;
    const path =
      kind === "in" ? await inputPath(whole, name, paths) : outputPath(whole, name, paths);
    known.set(whole, path);
  }
  return argv.map((text) => text.replaceAll(PLACEHOLDER, (whole) => known.get(whole) ?? whole));
}

async function inputPath(
  whole: string,
  name: string | undefined,
  { input, inputs }: PlaceholderPaths,
): Promise<string> {
  const only = inputs.includes("in") || inputs.length !== 1 ? "in" : inputs[0];
  const wanted = name ?? only;
  if (wanted === undefined || !inputs.includes(wanted)) {
    throw unknown(whole, "input", inputs);
  }
  const path = await input(wanted);
  if (path !== undefined) return path;
  throw new CtxPackError("CTXPACK_E_USAGE", `${whole}: the input ${wanted} has no path`, {
    hint: "only a path or a pack can be handed to a command; a digest or value cannot",
    details: { name: wanted },
  });
}

function outputPath(
  whole: string,
  name: string | undefined,
  { outputs }: PlaceholderPaths,
): string {
  const found =
    name === undefined && outputs.length === 1
      ? outputs[0]
      : outputs.find((output) => output.name === name);
  if (found !== undefined) return found.shown;
  throw unknown(
    whole,
    "output",
    outputs.map((output) => output.name),
  );
}

function unknown(whole: string, what: string, names: readonly string[]): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_USAGE",
    `the command says ${whole}, and no ${what} is called so`,
    {
      hint: names.length === 0 ? `the contract has no ${what}s` : `there are: ${names.join(", ")}`,
      details: { names },
    },
  );
}
