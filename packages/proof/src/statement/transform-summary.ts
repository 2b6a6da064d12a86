import type { JsonValue, ResolvedContract, ResolvedTransform } from "@ctxpack/identity";
import {
  at,
  listAt,
  type MemberPlace,
  objectAt,
  onlyMembers,
  optionalStringAt,
  stringAt,
} from "./members.ts";

/** What a policy can know of a transform before the contract is fetched: everything but params and env's values. */
export interface TransformSummary {
  readonly tool: string;
  readonly tool_version?: string;
  readonly model?: string;
  readonly code_hash?: string;
  /** Names of the environment variables that are part of identity, sorted. */
  readonly env?: readonly string[];
}

/** Transforms of a contract, at most: more do not fit into a statement. */
const MAX_TRANSFORMS = 1 << 16;

/** The summaries of a contract's transforms, in its order. */
export function summariseTransforms(contract: ResolvedContract): readonly TransformSummary[] {
  return contract.transforms.map(summarise);
}

function summarise(transform: ResolvedTransform): TransformSummary {
  const { tool, tool_version, model, code_hash, env } = transform;
  return {
    tool,
    ...(tool_version !== undefined && { tool_version }),
    ...(model !== undefined && { model }),
    ...(code_hash !== undefined && { code_hash }),
    ...(env !== undefined && { env: Object.keys(env).sort() }),
  };
}

/** Reads the summaries in a statement. Throws with the place's code. */
export function readTransforms(value: unknown, place: MemberPlace): readonly TransformSummary[] {
  return listAt(value, place, MAX_TRANSFORMS).map((item, index) =>
    readTransform(item, at(place, index)),
  );
}

function readTransform(value: JsonValue, place: MemberPlace): TransformSummary {
  const object = objectAt(value, place);
  onlyMembers(object, ["tool", "tool_version", "model", "code_hash", "env"], place);
  const text = (key: "tool_version" | "model" | "code_hash") => {
    const found = optionalStringAt(object[key], at(place, key));
    return found === undefined ? {} : { [key]: found };
  };
  const env = listAt(object["env"], at(place, "env"), MAX_TRANSFORMS).map((name, index) =>
    stringAt(name, at(place, "env", index)),
  );
  return {
    tool: stringAt(object["tool"], at(place, "tool")),
    ...text("tool_version"),
    ...text("model"),
    ...text("code_hash"),
    ...(env.length > 0 && { env }),
  };
}
