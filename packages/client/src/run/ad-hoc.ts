import { lstatSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import {
  type Contract,
  type ContractOutput,
  CtxPackError,
  type CtxUri,
  canonicalize,
  type JsonValue,
  type PackInput,
  type ParsedContract,
  type PathInput,
  parseContract,
  readContract,
} from "@ctxpack/identity";
import type { Work } from "../work.ts";
import { parseParams } from "./param.ts";

/** A contract as flags: each as it is written on the command line. */
export interface AdHoc {
  /** `[NAME=]PATH` or `[NAME=]ctx://sha256:…`, the output of a pack; the name may be left out once, and is `in` then. */
  readonly inputs?: readonly string[] | undefined;
  /** `NAME[@VERSION]`. */
  readonly tool?: string | undefined;
  /** Patterns over the working directory. */
  readonly code?: readonly string[] | undefined;
  /** Names of variables that are part of identity. */
  readonly env?: readonly string[] | undefined;
  /** Names of variables that are only handed on. */
  readonly passEnv?: readonly string[] | undefined;
  /** `K=V`. */
  readonly params?: readonly string[] | undefined;
  /** `[NAME=]PATH`. */
  readonly outputs?: readonly string[] | undefined;
}

const NAMED = /^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})=(.+)$/s;

/** What errors call a contract that no file holds. */
const FLAGS = "the flags";

/** The contract that flags and a command are. Throws CTXPACK_E_USAGE, and what `parseContract` throws. */
export function adHocContract(
  adHoc: AdHoc,
  command: readonly string[],
  cwd: string,
): ParsedContract {
  const { code = [], env = [], passEnv = [], outputs = [] } = adHoc;
  const params = parseParams(adHoc.params ?? []);
  const inputs = parseInputs(adHoc.inputs ?? []);
  const contract: Contract = {
    ...(inputs.length > 0 && { inputs }),
    command,
    transforms: [
      {
        ...parseTool(adHoc.tool, command),
        ...(code.length > 0 && { code }),
        ...(env.length > 0 && { env }),
        ...(Object.keys(params).length > 0 && { params }),
      },
    ],
    ...(outputs.length > 0 && { outputs: outputs.map(parseOutput) }),
    ...(passEnv.length > 0 && { pass_env: passEnv }),
  };
  const text = canonicalize(contract as unknown as JsonValue);
  const parsed = parseContract(text, { format: "json", file: FLAGS });
  // Paths count from here; lines and columns of a text that nobody wrote mean nothing.
  return { contract: parsed.contract, file: join(cwd, FLAGS), locate: () => undefined };
}

/**
 * Writes a contract that flags made to a file in the working directory, which its paths and command count from. Throws
 * CTXPACK_E_USAGE for a file that holds anything else.
 */
export async function saveContract(
  parsed: ParsedContract,
  file: string,
  cwd: string,
  { signal }: Work,
): Promise<void> {
  const path = resolve(cwd, file);
  if (dirname(path) !== cwd) {
    throw new CtxPackError("CTXPACK_E_USAGE", `${file} is not in the current folder`, {
      hint: "paths and the command of a contract count from its folder: save it here",
      details: { path },
    });
  }
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    const there = await readContract(path, { signal }).catch(() => undefined);
    if (there && textOf(there) === textOf(parsed)) return;
    throw new CtxPackError("CTXPACK_E_USAGE", `${file} is there already and says something else`, {
      hint: "remove it, or save to another file",
      details: { path },
    });
  }
  const text = `${JSON.stringify(parsed.contract, null, 2)}\n`;
  await writeFile(path, text, { flag: "wx", signal });
}

function textOf({ contract }: ParsedContract): string {
  return canonicalize(contract as unknown as JsonValue);
}

function parseInputs(texts: readonly string[]): (PathInput | PackInput)[] {
  const inputs = texts.map((text): PathInput | PackInput => {
    const [, name = "in", value = text] = NAMED.exec(text) ?? [];
    // `parseContract` says whether it is one.
    return value.startsWith("ctx://") ? { name, pack: value as CtxUri } : { name, path: value };
  });
  const names = inputs.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return inputs;
  throw new CtxPackError("CTXPACK_E_USAGE", `two inputs are called "${twice}"`, {
    hint: "name them: --in docs=./docs --in prompt=prompt.txt",
  });
}

function parseOutput(text: string): ContractOutput {
  const [, name, path] = NAMED.exec(text) ?? [];
  return name === undefined || path === undefined ? { path: text } : { path, name };
}

function parseTool(
  text: string | undefined,
  command: readonly string[],
): { tool: string; tool_version?: string } {
  if (text === undefined) {
    throw new CtxPackError(
      "CTXPACK_E_USAGE",
      "--tool is missing: what computes, in which version",
      {
        hint: `write --tool ${command[0] ?? "node"}@VERSION, or give a contract with --contract FILE`,
      },
    );
  }
  // A scope begins with @, too: @acme/embed@2.
  const at = text.lastIndexOf("@");
  return at < 1 ? { tool: text } : { tool: text.slice(0, at), tool_version: text.slice(at + 1) };
}
