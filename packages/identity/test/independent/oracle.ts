import { spawn, spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { PackRows } from "./contracts.ts";

/** What `identity.py --batch` is asked. */
export interface OracleRequest {
  readonly contract: string;
  readonly env?: Record<string, string>;
  readonly packs?: PackRows;
  readonly v0?: boolean;
}

export type OracleAnswer =
  | { readonly uri: string; readonly canonical: string }
  | { readonly error: string };

const PROGRAM = fileURLToPath(new URL("identity.py", import.meta.url));

export function hasPython(): boolean {
  return spawnSync("python3", ["--version"]).status === 0;
}

/** Asks one Python process all questions; answers come in the same order. */
export async function askPython(requests: readonly OracleRequest[]): Promise<OracleAnswer[]> {
  const child = spawn("python3", [PROGRAM, "--batch"], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(requests.map((request) => `${JSON.stringify(request)}\n`).join(""));
  const lines = (await text(child.stdout)).split("\n").filter(Boolean);
  if (lines.length !== requests.length) {
    throw new Error(`identity.py gave ${lines.length} answers to ${requests.length} questions`);
  }
  return lines.map((line) => JSON.parse(line) as OracleAnswer);
}

/** What `vectors.py` finds when it holds the published vectors against `identity.py`. */
export async function checkVectors(): Promise<{ checked: number; wrong: string[] }> {
  const program = fileURLToPath(new URL("vectors.py", import.meta.url));
  const vectors = fileURLToPath(new URL("../../vectors", import.meta.url));
  const child = spawn("python3", [program, vectors], { stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(await text(child.stdout)) as { checked: number; wrong: string[] };
}
