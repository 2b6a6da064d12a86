import type { JsonValue } from "./canonical.ts";
import { type Contract, isResolved, type ResolvedContract } from "./contract.ts";
import { pointerOf } from "./pointer.ts";
import { findSecretSpans, secretName } from "./secret-shape.ts";
import { errorAt } from "./source/place.ts";

/** A part of a contract that looks like a secret; the secret itself is nowhere in it. */
export interface SecretFinding {
  /** JSON pointer; for a key that is itself a secret, of the object that holds it. */
  readonly pointer: string;
  /** What it looks like, such as `a GitHub token` or `the name api_key`. */
  readonly kind: string;
}

/** What may stand although it looks like a secret, and what errors call the contract. */
export interface RefuseSecretsOptions {
  /** JSON pointers, exact. */
  readonly allow?: readonly string[] | undefined;
  readonly file?: string | undefined;
  /** Line and column of a pointer; `ParsedContract.locate`. */
  readonly locate?: ((pointer: string) => { line: number; column: number } | undefined) | undefined;
}

/**
 * The parts of a contract that would be published and look like a secret (DESIGN §4.1): env names and param keys
 * that are called like one, strings that have the shape of one. Looks only at what ends up in the resolved contract.
 */
export function findSecrets(contract: Contract | ResolvedContract): SecretFinding[] {
  const findings: SecretFinding[] = [];
  scan((contract.command ?? []) as JsonValue, ["command"], findings);
  for (const [index, input] of (contract.inputs ?? []).entries()) {
    scan(input.name, ["inputs", index, "name"], findings);
    if (input.value !== undefined) scan(input.value, ["inputs", index, "value"], findings);
  }
  if (isResolved(contract)) scan(contract.map?.out ?? null, ["map", "out"], findings);
  for (const [index, transform] of contract.transforms.entries()) {
    const path = ["transforms", index];
    for (const key of ["tool", "tool_version", "model", "code_hash"] as const) {
      scan(transform[key] ?? null, [...path, key], findings);
    }
    scanEnv(transform.env ?? [], [...path, "env"], findings);
    scanParams(transform.params ?? {}, [...path, "params"], findings);
    scan(transform.params ?? {}, [...path, "params"], findings);
  }
  return findings;
}

/**
 * Refuses a contract that would publish a secret.
 *
 * @throws CtxPackError `CTXPACK_E_SECRET`, naming the JSON pointers and never a value; `details.findings` has them.
 */
export function refuseSecrets(
  contract: Contract | ResolvedContract,
  options: RefuseSecretsOptions = {},
): void {
  const allowed = new Set(options.allow);
  const findings = findSecrets(contract).filter(({ pointer }) => !allowed.has(pointer));
  const [first, ...others] = findings;
  if (first === undefined) return;
  const { pointer, kind } = first;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  const place = { file: options.file ?? "contract", ...options.locate?.(pointer), pointer };
  const message = `looks like a secret (${kind}), and a contract is public once it is pushed${more}`;
  throw errorAt("CTXPACK_E_SECRET", place, message, {
    hint: `hand it to the command through pass_env, or allow it with --allow-secret ${pointer}`,
    details: { findings },
  });
}

/** Strings with the shape of a secret, keys too. */
function scan(value: JsonValue, path: readonly (string | number)[], into: SecretFinding[]): void {
  if (typeof value === "string") {
    const kind = shapeOf(value);
    if (kind !== undefined) into.push({ pointer: pointerOf(path), kind });
    return;
  }
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) scan(item, [...path, index], into);
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    const kind = shapeOf(key);
    // The pointer of the member would spell the secret out.
    if (kind !== undefined) into.push({ pointer: pointerOf(path), kind: `${kind} as a key` });
    else scan(member, [...path, key], into);
  }
}

/** Keys of params, at any depth, that are called like a secret. */
function scanParams(
  value: JsonValue,
  path: readonly (string | number)[],
  into: SecretFinding[],
): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    const name = Array.isArray(value) ? undefined : secretName(key);
    const inside = [...path, Array.isArray(value) ? Number(key) : key];
    // A key that is itself a secret is `scan`'s to report: the pointer here would spell it out.
    if (shapeOf(key) !== undefined) continue;
    if (name !== undefined) into.push({ pointer: pointerOf(inside), kind: `the name ${name}` });
    else scanParams(member as JsonValue, inside, into);
  }
}

function scanEnv(
  env: readonly string[] | { readonly [name: string]: unknown },
  path: readonly (string | number)[],
  into: SecretFinding[],
): void {
  const names = Array.isArray(env)
    ? env.map((name: string, index): [string | number, string] => [index, name])
    : Object.keys(env).map((name): [string | number, string] => [name, name]);
  for (const [step, text] of names) {
    const shape = shapeOf(text);
    const name = secretName(text);
    if (shape !== undefined) into.push({ pointer: pointerOf(path), kind: `${shape} as a name` });
    else if (name !== undefined) {
      into.push({ pointer: pointerOf([...path, step]), kind: `the name ${name}` });
    }
  }
}

function shapeOf(text: string): string | undefined {
  return findSecretSpans(text)[0]?.label;
}
