import type { Contract } from "@ctxpack/identity";
import type { Env } from "../config.ts";

/** Handed to every child as they are here. */
const ALWAYS: readonly string[] =
  process.platform === "win32"
    ? ["PATH", "USERPROFILE", "TEMP", "TMP", "SystemRoot", "ComSpec", "PATHEXT"]
    : ["PATH", "HOME", "TMPDIR"];

/** The same for everybody, so that sorting, dates and numbers are. */
const FIXED: Readonly<Record<string, string>> = { LANG: "C.UTF-8", TZ: "UTC" };

/** All variables the command of a contract has (DESIGN §7); one that the contract names is as it is here, or unset. */
export function childEnvironment(contract: Contract, env: Env): Record<string, string> {
  const named = [
    ...contract.transforms.flatMap((one) => one.env ?? []),
    ...(contract.pass_env ?? []),
  ];
  const variables: Record<string, string> = {};
  for (const name of ALWAYS) set(variables, name, env);
  Object.assign(variables, FIXED);
  for (const name of named) set(variables, name, env);
  return variables;
}

function set(variables: Record<string, string>, name: string, env: Env): void {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined) delete variables[name];
  else variables[name] = value;
}
