import { availableParallelism } from "node:os";
import { basename } from "node:path";
import {
  type Contract,
  type ContractInput,
  CtxPackError,
  isResolved,
  type ParsedContract,
} from "@ctxpack/identity";
import { isTag } from "@ctxpack/oci";
import { type ContractLike, type LoadedContract, loadContract } from "../load-contract.ts";
import { adHocContract } from "../run/ad-hoc.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { splitPattern } from "./items.ts";
import type { MapOptions } from "./options.ts";
import { ItemCommand, type OutputTemplate, splitTemplate } from "./template.ts";

/** A map as it was found to make sense; nothing was read but a contract file. */
export interface LoadedMap {
  /** With one output: the folder that results go to. */
  readonly loaded: LoadedContract;
  /** The mapped input, and where it stands in the contract. */
  readonly input: ContractInput;
  readonly inputAt: number;
  readonly template: OutputTemplate;
  /** Absent for a function. */
  readonly command: ItemCommand | undefined;
  readonly parallel: number;
  readonly batch: number;
}

/** Throws CTXPACK_E_USAGE for options that do not go together, and what reading a contract throws. */
export async function loadMap(
  session: Session,
  items: string,
  options: MapOptions,
  work: Work,
): Promise<LoadedMap> {
  const { contract: given, adHoc, compute, command = [], batch = 1, family } = options;
  if (given !== undefined && adHoc !== undefined) {
    throw usage("a contract is given, and flags that would be one", "put them into the contract");
  }
  if (compute !== undefined && (command.length > 0 || batch !== 1)) {
    throw usage("a function is given, and a command or a batch of items for one");
  }
  const parallel = options.parallel ?? Math.min(64, availableParallelism());
  expectCount("parallel", parallel, 64);
  expectCount("batch", batch, 10_000);
  if (family !== undefined && (!isTag(`map-${family}`) || /^[0-9a-f]{64}$/.test(family))) {
    throw usage(`"${family}" cannot be the name of a family`, "letters, digits, dots, dashes");
  }
  const { parsed, baseDir, name } =
    given === undefined
      ? fromFlags(session, items, options)
      : await fromContract(session, items, options, work);
  const contract = parsed.contract as Contract;
  const inputAt = (contract.inputs ?? []).findIndex((one) => one.name === name);
  const input = contract.inputs?.[inputAt] as ContractInput;
  const out = options.out ?? onlyOutput(contract);
  const template = splitTemplate(out);
  const outputs = [{ path: `${template.folder}/` }];
  const own = compute === undefined ? expectCommand(contract) : undefined;
  return {
    loaded: { parsed: { ...parsed, contract: { ...contract, outputs } }, baseDir },
    input,
    inputAt,
    template,
    command: own && new ItemCommand(own, name),
    parallel,
    batch,
  };
}

interface Named {
  readonly parsed: ParsedContract;
  readonly baseDir: string;
  /** Of the mapped input. */
  readonly name: string;
}

function fromFlags(session: Session, items: string, options: MapOptions): Named {
  const { adHoc = {}, compute, command = [] } = options;
  if (compute === undefined && command.length === 0) throw noCommand();
  const [, named, pattern = items] =
    /^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})=(.+)$/s.exec(items) ?? [];
  const name = named ?? "in";
  const { root, include } = splitPattern(pattern);
  const tool = adHoc.tool ?? (command[0] === undefined ? undefined : basename(command[0]));
  const inputs = [...(adHoc.inputs ?? []), `${name}=${root}`];
  // A function is no part of the contract; flags always have a command.
  const argv = compute === undefined ? command : ["-"];
  const parsed = adHocContract({ ...adHoc, tool, inputs }, argv, session.cwd);
  const { command: _, ...contract } = parsed.contract as Contract;
  const patched = (contract.inputs ?? []).map((input) =>
    input.name === name && include.length > 0 ? ({ ...input, include } as ContractInput) : input,
  );
  return {
    parsed: {
      ...parsed,
      contract: {
        ...contract,
        inputs: patched,
        ...(compute === undefined && { command }),
      },
    },
    baseDir: session.cwd,
    name,
  };
}

async function fromContract(
  session: Session,
  items: string,
  { contract: given, command = [], compute }: MapOptions,
  work: Work,
): Promise<Named> {
  const { parsed, baseDir } = await loadContract(session, given as ContractLike, work);
  if (isResolved(parsed.contract)) {
    throw usage("a resolved contract names no files", "give the contract it was made from");
  }
  const { contract } = parsed;
  const names = (contract.inputs ?? []).map(({ name }) => name);
  if (!names.includes(items)) {
    throw usage(
      `the contract has no input called "${items}"`,
      names.length === 0 ? "name one under inputs" : `there are: ${names.join(", ")}`,
    );
  }
  if (contract.command !== undefined && (command.length > 0 || compute !== undefined)) {
    throw usage("the contract has a command, and another is given", "leave one of them out");
  }
  // What an item became depends on the command in any case: here it is always part of the recipe.
  const own = command.length > 0 ? { ...contract, command } : contract;
  return { parsed: { ...parsed, contract: own }, baseDir, name: items };
}

function onlyOutput({ outputs = [] }: Contract): string {
  const [only, ...others] = outputs;
  if (only !== undefined && others.length === 0) return only.path;
  throw usage("nothing says where the results go", "write --out 'FOLDER/{path}'");
}

function expectCommand({ command }: Contract): readonly string[] {
  if (command === undefined) throw noCommand();
  return command;
}

function noCommand(): CtxPackError {
  return usage("there is no command to run", "write it behind --: node extract.ts {in} {out}");
}

function expectCount(name: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  throw usage(`${name} is ${value}`, `a number from 1 to ${most}`);
}

function usage(message: string, hint?: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_USAGE", message, { hint });
}
