import {
  type ContractDifference,
  type DirHash,
  diffContracts,
  isDirHash,
  type JsonValue,
  pointerOf,
  pointerSteps,
  type ResolvedContract,
} from "@ctxpack/identity";
import { compareListings, type FileChanges } from "./file-changes.ts";

/** Whether a variable has a value. What the value is, nobody is told, nor what its digest is. */
export type EnvState = "set" | "unset";

/** One member in which a contract differs from the nearest one that is known. */
export interface WhyDifference {
  /** JSON pointer, with the inputs keyed by name. */
  readonly pointer: string;
  readonly kind: "added" | "removed" | "changed";
  /** What the nearest one has; absent when added, and for a variable. */
  readonly before?: JsonValue;
  /** What this one has; absent when removed, and for a variable. */
  readonly after?: JsonValue;
  /** Present for a variable: its name, and whether it has a value on either side. */
  readonly env?: {
    readonly name: string;
    readonly before?: EnvState;
    readonly after?: EnvState;
  };
  /** Present for a digest over files whose lists are known on both sides. */
  readonly files?: FileChanges;
  /** One sentence, where there should be files and there are none. */
  readonly note?: string;
}

/** The lines of a `dirHash1`, where they are known. */
export type ListingOf = (digest: DirHash) => Promise<Uint8Array | undefined>;

/** Where file lists are: those of the nearest contract, and those of ours. */
export interface Listings {
  readonly before: ListingOf;
  readonly after: ListingOf;
}

/** What changes from the nearest known contract to ours, in the order of the canonical form, with the files that do. */
export async function explain(
  nearest: ResolvedContract,
  ours: ResolvedContract,
  listings: Listings,
): Promise<WhyDifference[]> {
  const found: WhyDifference[] = [];
  for (const difference of diffContracts(nearest, ours)) {
    const env = envOf(difference);
    if (env !== undefined) found.push(...env);
    else found.push({ ...withoutEnv(difference), ...(await filesOf(difference, listings)) });
  }
  return found;
}

/** A difference in variables, one each; `undefined` for any other. */
function envOf({ pointer, kind, before, after }: ContractDifference): WhyDifference[] | undefined {
  const [top, index, member, name, ...deeper] = pointerSteps(pointer);
  if (top !== "transforms" || member !== "env" || deeper.length > 0) return undefined;
  if (name !== undefined) return [variable({ pointer, kind, before, after }, name)];
  const all = (before ?? after) as { readonly [name: string]: JsonValue };
  return Object.keys(all)
    .sort()
    .map((each) =>
      variable(
        {
          pointer: pointerOf([top, Number(index), member, each]),
          kind,
          before: kind === "removed" ? all[each] : undefined,
          after: kind === "added" ? all[each] : undefined,
        },
        each,
      ),
    );
}

function variable(
  said: {
    readonly pointer: string;
    readonly kind: WhyDifference["kind"];
    readonly before: JsonValue | undefined;
    readonly after: JsonValue | undefined;
  },
  name: string,
): WhyDifference {
  const { pointer, kind, before, after } = said;
  const env = {
    name,
    ...(before !== undefined && { before: stateOf(before) }),
    ...(after !== undefined && { after: stateOf(after) }),
  };
  return { pointer, kind, env };
}

function stateOf(digest: JsonValue): EnvState {
  return digest === null ? "unset" : "set";
}

/** A whole transform names its variables as a contract file does. */
function withoutEnv(difference: ContractDifference): ContractDifference {
  const { pointer, before, after, ...rest } = difference;
  const [top, , member] = pointerSteps(pointer);
  if (top !== "transforms" || member !== undefined) return difference;
  return {
    pointer,
    ...rest,
    ...(before !== undefined && { before: namesOnly(before) }),
    ...(after !== undefined && { after: namesOnly(after) }),
  };
}

function namesOnly(transform: JsonValue): JsonValue {
  const { env, ...rest } = transform as { readonly [key: string]: JsonValue };
  if (typeof env !== "object" || env === null) return rest;
  return { ...rest, env: Object.keys(env).sort() };
}

/** The files that differ where two digests over files do: of an input, or of code. */
async function filesOf(
  { pointer, before, after }: ContractDifference,
  listings: Listings,
): Promise<Pick<WhyDifference, "files" | "note">> {
  if (!isFiles(pointer) || !isDirHash(before) || !isDirHash(after)) return {};
  const left = await listings.before(before);
  const right = await listings.after(after);
  const files = left && right && compareListings(left, right);
  if (files !== undefined) return { files };
  const whose = left === undefined ? before : after;
  return { note: `its files are not known: nobody here has the list of ${whose}` };
}

function isFiles(pointer: string): boolean {
  return /^\/inputs\/[^/]+\/digest$|^\/transforms\/\d+\/code_hash$/.test(pointer);
}
