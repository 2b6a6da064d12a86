import { readFile } from "node:fs/promises";
import { type ImportOptions, importRuns, type RunHead } from "../../src/index.ts";
import { type MemoryPack, packInMemory } from "../run/memory.ts";

/** What a fixture becomes. */
export interface Expected {
  readonly format: string;
  readonly steps: RunHead["totals"]["steps"];
  readonly errors?: number;
  readonly usage?: RunHead["totals"]["usage"];
  /** `path reason count`. */
  readonly loss: readonly string[];
  readonly skipped?: number;
}

/** A log of ours. */
export function fixture(name: string): Promise<Uint8Array> {
  return readFile(new URL(`../fixtures/${name}`, import.meta.url));
}

/** Every run of a log, packed. */
export async function packAll(
  log: Uint8Array | string | AsyncIterable<Uint8Array>,
  options: ImportOptions = {},
): Promise<MemoryPack[]> {
  const packs: MemoryPack[] = [];
  const input = typeof log === "string" ? new TextEncoder().encode(log) : log;
  for await (const run of importRuns(input, options)) packs.push(await packInMemory(run.parts));
  return packs;
}

/** The one run of a log, packed. */
export async function packOne(
  log: Uint8Array | string | AsyncIterable<Uint8Array>,
  options: ImportOptions = {},
): Promise<MemoryPack> {
  const [pack, ...others] = await packAll(log, options);
  if (pack === undefined || others.length > 0) throw new Error(`${others.length + 1} runs`);
  return pack;
}
