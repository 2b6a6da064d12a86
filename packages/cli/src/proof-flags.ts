import type { Flag } from "./flags.ts";

/** `-j`: of the commands over proof envelopes. */
export const PROOF_CONCURRENCY_FLAG: Flag & { readonly type: "string" } = {
  type: "string",
  short: "j",
  value: "N",
  about: "proofs, and files of each, at a time: 1 to 64; 4",
};

/** `--all`: of the commands over proof envelopes. */
export const ALL_PROOFS_FLAG: Flag & { readonly type: "boolean" } = {
  type: "boolean",
  about: "every *.proof.json below the current folder, but not in node_modules and .git",
};

/** The files and folders that a command is about. */
export function proofRoots(args: readonly string[], all: boolean | undefined): readonly string[] {
  return all ? ["."] : args;
}
