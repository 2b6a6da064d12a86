import { crc32 } from "node:zlib";
import { type CtxUri, contractMembers, type ResolvedContract } from "@ctxpack/identity";

/** What the table says of one contract. */
export interface KnownRow {
  readonly uri: CtxUri;
  /** When its pack was made or came, Unix time in ms. */
  readonly madeMs: number;
  readonly labels: Labels;
  /** Of each member two numbers: one for its pointer, one for pointer and value. */
  readonly members: Uint32Array;
}

/** What two contracts may have in common that is not identity. */
export interface Labels {
  /** A label for people. */
  readonly name?: string | undefined;
  /** Absolute paths of the outputs. */
  readonly outputs?: readonly string[] | undefined;
}

/** Contracts with more members are compared by so many of them, the same ones in each. */
const MOST_MEMBERS = 1024;

/**
 * The members of a contract as numbers, of which 32 bits are enough to find what is worth a look: who is found is
 * read and compared member by member.
 */
export function fingerprint(contract: ResolvedContract): Uint32Array {
  const pairs = Array.from(contractMembers(contract), ([pointer, value]) => {
    const key = crc32(pointer);
    return [key, crc32(value, key)] as const;
  });
  const kept =
    pairs.length > MOST_MEMBERS ? pairs.sort(([a], [b]) => a - b).slice(0, MOST_MEMBERS) : pairs;
  return Uint32Array.from(kept.flat());
}

/** The members that name tools, as `fingerprint` has them. */
export function toolNumbers(contract: ResolvedContract): Map<number, number> {
  const tools = new Map<number, number>();
  for (const [pointer, value] of contractMembers(contract)) {
    if (!/^\/transforms\/\d+\/tool$/.test(pointer)) continue;
    const key = crc32(pointer);
    tools.set(key, crc32(value, key));
  }
  return tools;
}

/** The labels of a contract as numbers; the first is that of its name, 0 for none. */
export function labelNumbers({ name, outputs = [] }: Labels): Uint32Array {
  return Uint32Array.from([
    name === undefined ? 0 : crc32(`name ${name}`),
    ...outputs.map((path) => crc32(`output ${path}`)),
  ]);
}
