import { readFile } from "node:fs/promises";
import { type ImportOptions, importRuns } from "../../src/index.ts";
import { type MemoryPack, packInMemory } from "../run/memory.ts";

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
