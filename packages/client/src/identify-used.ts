import type { Labels } from "@ctxpack/cache";
import {
  type Contract,
  CtxPackError,
  isResolved,
  type Resolution,
  resolveContract,
} from "@ctxpack/identity";
import { identifyLoaded } from "./identify.ts";
import type { LoadedContract } from "./load-contract.ts";
import { splitTemplate } from "./map/template.ts";
import type { IdentifyOptions } from "./resolve.ts";
import type { Session } from "./session.ts";
import { labelsOf } from "./why/nearest.ts";

/** A contract as `map` uses it: its output is a folder, and the member `map` says which input is mapped, and where to. */
interface AsMapped {
  readonly loaded: LoadedContract;
  readonly map: { readonly input: string; readonly out: string };
}

/**
 * What `map` makes of a contract whose one output has `{path}`, `{name}` or `{ext}` in it, when its mapped input is the
 * only one, or the only one that the command does not name by `{in:NAME}`. `undefined` for any other. Throws
 * CTXPACK_E_UNSUPPORTED when the command is not in it, which is a part of the identity of every map.
 */
function asMapped(loaded: LoadedContract): AsMapped | undefined {
  const { contract } = loaded.parsed;
  if (isResolved(contract)) return undefined;
  const [output, ...others] = contract.outputs ?? [];
  if (output === undefined || others.length > 0) return undefined;
  if (!/\{(?:path|name|ext)\}/.test(output.path)) return undefined;
  const input = mappedInput(contract);
  if (input === undefined) return undefined;
  if (contract.command === undefined) {
    throw new CtxPackError(
      "CTXPACK_E_UNSUPPORTED",
      "the contract of a map without its command: which URI it has, the command line of map decides",
      { hint: "put the command into the contract" },
    );
  }
  const { folder, out } = splitTemplate(output.path);
  const outputs = [{ path: `${folder}/` }];
  return {
    loaded: { ...loaded, parsed: { ...loaded.parsed, contract: { ...contract, outputs } } },
    map: { input, out },
  };
}

/** A contract's identity, that of all that `map` would make for the contract of a map, and its labels. */
export async function identifyUsed(
  session: Session,
  loaded: LoadedContract,
  options: IdentifyOptions,
): Promise<{ readonly resolution: Resolution; readonly labels: Labels }> {
  const mapped = asMapped(loaded);
  const labels = labelsOf(mapped?.loaded ?? loaded);
  const resolution = mapped
    ? await identifyMapped(session, mapped, options)
    : await identifyLoaded(session, loaded, options);
  return { resolution, labels };
}

async function identifyMapped(
  session: Session,
  { loaded, map }: AsMapped,
  options: IdentifyOptions,
): Promise<Resolution> {
  const base = await identifyLoaded(session, loaded, options);
  const { signal } = options;
  const resolution = await resolveContract({ ...base.resolved, map }, signal ? { signal } : {});
  return { ...resolution, packs: base.packs };
}

function mappedInput({ inputs = [], command = [] }: Contract): string | undefined {
  const names = inputs.map(({ name }) => name);
  const free = names.filter((name) => !command.some((word) => word.includes(`{in:${name}}`)));
  const [only, ...others] = names.length === 1 ? names : free;
  return others.length === 0 ? only : undefined;
}
