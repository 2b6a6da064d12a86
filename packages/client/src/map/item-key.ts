import {
  canonicalize,
  digestHex,
  type JsonValue,
  type ResolvedContract,
  sha256,
} from "@ctxpack/identity";
import type { InputFile } from "./items.ts";
import { type ItemCommand, namesOf } from "./template.ts";

/**
 * The keys of a map's items. Each is the URI of a contract: the map's without `map`, the mapped input's digest replaced
 * by the item's, `command` as the item's child sees it. Only these two differ, so the canonical bytes are put together
 * around them: ten thousand keys take some ten milliseconds.
 */
export class ItemKeys {
  readonly #command: ItemCommand | undefined;
  readonly #before: string;
  readonly #after: string;

  /** Without a command what computes sees nothing of an item but its bytes. */
  constructor({ inputs, schema, transforms, map }: ResolvedContract, command?: ItemCommand) {
    this.#command = command;
    const at = inputs.findIndex(({ name }) => name === map?.input);
    const name = JSON.stringify(map?.input);
    const text = (value: unknown): string => canonicalize(value as JsonValue);
    const before = inputs.slice(0, at).map((input) => `${text(input)},`);
    const after = inputs.slice(at + 1).map((input) => `,${text(input)}`);
    this.#before = `"inputs":[${before.join("")}{"digest":"`;
    this.#after = `","name":${name}}${after.join("")}],"schema":${text(schema)},"transforms":${text(transforms)}}`;
  }

  /** 64 hex digits. */
  key(file: InputFile): string {
    return digestHex(sha256(Buffer.from(this.contract(file))));
  }

  /** The canonical text of the item's contract. */
  contract({ path, digest }: InputFile): string {
    return `{${this.#commandOf(path)}${this.#before}${digest}${this.#after}`;
  }

  #commandOf(path: string): string {
    if (this.#command === undefined) return "";
    const names = namesOf(path);
    return `"command":${JSON.stringify(this.#command.for(names, { in: `in${names.ext}`, out: "out" }))},`;
  }
}

/** The family of a map, 64 hex digits: the digest of its contract without the mapped input's digest. */
export function familyOf(contract: ResolvedContract): string {
  return digestOf(contract, contract.map);
}

/** The same for all maps that differ in where results go, too: their items have the same keys. */
export function recipeOf(contract: ResolvedContract): string {
  return digestOf(contract, { input: contract.map?.input });
}

function digestOf(contract: ResolvedContract, map: object | undefined): string {
  const inputs = contract.inputs.map((input) =>
    input.name === contract.map?.input ? { name: input.name } : input,
  );
  const text = canonicalize({ ...contract, inputs, map } as unknown as JsonValue);
  return digestHex(sha256(Buffer.from(text)));
}
