import { type Json, resigned, statementOf } from "./attacker.ts";
import type { Scene, Target } from "./scene.ts";

/** What an attacker does to a pack that is signed, and how a machine under a policy refuses it. */
export interface Threat {
  /** As in the table of docs/trust.md. */
  readonly row: string;
  /** Which of the team's packs is fetched then; the first. */
  readonly of?: number;
  readonly attack: (scene: Scene, target: Target) => Promise<void>;
  /** Else the policy of the scene. */
  readonly policy?: (scene: Scene) => object;
  readonly code: string;
  readonly message: RegExp;
}

/** The team's statement, changed, as the only proof, truly signed with a key. */
export async function restate(
  { team, attacker }: Scene,
  { bundle, descriptor }: Target,
  signer: string,
  change: (statement: Json) => void,
): Promise<void> {
  const statement = statementOf(bundle);
  change(statement);
  const key = team.keys[signer];
  if (key === undefined) throw new Error(`no key ${signer}`);
  await attacker.attachOnly(descriptor, resigned(bundle, key, statement));
}
