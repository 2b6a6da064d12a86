import type { DockerRegistry, Sigstore } from "@ctxpack/test-tools";
import { expect } from "vitest";
import { type Done, result, run } from "../run.ts";
import { ending, project, type Scene, type Signing, type Victim } from "./scene.ts";

/** A threat that takes more than one step of the victim, too. */
export interface Story {
  /** As in the table of docs/trust.md. */
  readonly row: string;
  /** Empty where nothing is refused, because nothing of the attacker's gets in. */
  readonly code: string;
  readonly play: (world: World) => Promise<void>;
}

/** Everybody there is. */
export interface World {
  /** Nothing is in it. */
  readonly pantry: string;
  readonly registry: DockerRegistry;
  readonly services: Sigstore;
  /** The team that signs with a key, and the one that signs with certificates. */
  readonly keys: Scene;
  readonly keyless: Scene;
  readonly byKey: Signing;
  readonly byIdentity: Signing;
  readonly believesIdentity: object;
}

/** Runs a command that the policy refuses with this code and this message. */
export async function refused(
  line: readonly string[],
  victim: Victim,
  [code, message]: readonly [string, RegExp],
): Promise<void> {
  const end = await ending(line, victim);
  expect({ exit: end.exit, code: end.code }, `${line}: ${end.stderr}`).toEqual({ exit: 6, code });
  expect(end.message).toMatch(message);
}

/** Another output of the first pack's contract, made elsewhere and put in place of what is there; its URI. */
export async function pushOutput(
  pantry: string,
  salt: (cwd: string) => void,
  { flags, env }: Signing,
): Promise<string> {
  const cwd = project();
  salt(cwd);
  const uri = await result(["run", "--contract", "c.json"], { cwd });
  const push = ["push", uri, "--to", pantry, "--replace", "--attest", ...flags];
  await result(push, { cwd, ...(env && { env }) });
  return uri;
}

/** The last command of a story, which is no refusal. */
export async function accepted(line: readonly string[], victim: Victim): Promise<Done> {
  const done = await run(line, victim);
  expect(done.code, `${line}: ${done.stderr}`).toBe(0);
  return done;
}
