import type { CacheAccess } from "@ctxpack/client";
import { parseCacheFlag } from "./cache-flag.ts";
import { expectOnly, type FlagValues } from "./flags.ts";

export const MANY = { type: "string", multiple: true } as const;

/** Flags that are a contract where there is none: what `run` and `map` have in common of it. */
export const RECIPE_FLAGS = {
  code: {
    type: "string",
    multiple: true,
    value: "PATTERN",
    about: "files that are part of the recipe",
  },
  env: {
    type: "string",
    multiple: true,
    value: "NAME",
    about: "a variable that is part of the recipe",
  },
  "pass-env": {
    type: "string",
    multiple: true,
    value: "NAME",
    about: "a variable that is handed on, and is no part of it",
  },
  param: {
    type: "string",
    multiple: true,
    value: "K=V",
    about: "a parameter; V is JSON if it is written as JSON writes it",
  },
} as const;

/** Flags that say where results come from and go to. */
export const RESULT_FLAGS = {
  frozen: { type: "boolean", about: "never run anything: a miss is exit code 3" },
  offline: { type: "boolean", about: "never ask a registry" },
  cache: {
    type: "string",
    value: "MODE",
    about: "local:rw,remote:r; each of them r, w, rw or none",
  },
  "require-remote": { type: "boolean", about: "a pantry that fails is an error, not a warning" },
  to: { type: "string", value: "PANTRY", about: "which one; the first configured unless said" },
  "on-untrusted": { type: "string", value: "miss", about: "compute what the policy refuses" },
  segments: { type: "string", value: "fine", about: "ten times as many, smaller segments" },
  "allow-secret": {
    type: "string",
    multiple: true,
    value: "POINTER",
    about: "this value looks like a secret and is none",
  },
  "no-stat-cache": { type: "boolean", about: "read every input although its digest is known" },
} as const;

/** What the library is told by them. Throws CTXPACK_E_USAGE. */
export function resultOptions(flags: FlagValues<typeof RESULT_FLAGS>): {
  readonly frozen: boolean | undefined;
  readonly cache: CacheAccess | undefined;
  readonly requireRemote: boolean | undefined;
  readonly to: string | undefined;
  readonly onUntrusted: "miss" | "fail";
  readonly allowSecret: readonly string[] | undefined;
  readonly fine: boolean;
  readonly statCache: boolean;
} {
  expectOnly("segments", flags.segments, "fine");
  expectOnly("on-untrusted", flags["on-untrusted"], "miss");
  return {
    frozen: flags.frozen,
    cache: parseCacheFlag(flags.cache),
    requireRemote: flags["require-remote"],
    to: flags.to,
    onUntrusted: flags["on-untrusted"] === "miss" ? "miss" : "fail",
    allowSecret: flags["allow-secret"],
    fine: flags.segments === "fine",
    statCache: !flags["no-stat-cache"],
  };
}
