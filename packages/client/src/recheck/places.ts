import { mkdirSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import type { OutputPlace } from "../run/outputs.ts";

/** Where the outputs of a command go that is run again. */
export interface RecheckPlaces {
  /** All of them. */
  readonly places: readonly OutputPlace[];
  /** What placeholders for them stand for. */
  readonly named: readonly { readonly name: string; readonly shown: string }[];
  /** Those that the command does not let us choose: they are written where the user has them. */
  readonly fixed: readonly OutputPlace[];
}

/**
 * Outputs that a command names by a placeholder go below `folder`, under the last part of their names; nothing of the
 * user's is touched then. Their paths count from `baseDir` as the contract's do, for a command may put something before them.
 */
export function recheckPlaces(
  command: readonly string[],
  outputs: readonly OutputPlace[],
  { baseDir, folder }: { readonly baseDir: string; readonly folder: string },
): RecheckPlaces {
  const from = realpathSync(baseDir);
  const places: OutputPlace[] = [];
  const named: { name: string; shown: string }[] = [];
  const fixed: OutputPlace[] = [];
  for (const [at, output] of outputs.entries()) {
    if (!isNamed(command, output, outputs.length === 1)) {
      fixed.push(output);
      places.push(output);
      named.push(output);
      continue;
    }
    const path = join(folder, String(at), basename(output.path));
    mkdirSync(dirname(path));
    places.push({ ...output, path });
    const slash = output.isFolder ? "/" : "";
    named.push({ name: output.name, shown: `${relative(from, path)}${slash}` });
  }
  return { places, named, fixed };
}

function isNamed(command: readonly string[], { name }: OutputPlace, isOnly: boolean): boolean {
  return command.some(
    (text) => text.includes(`{out:${name}}`) || (isOnly && text.includes("{out}")),
  );
}
