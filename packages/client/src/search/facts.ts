import type { CtxUri } from "@ctxpack/identity";
import type { PackConfig } from "../pack-config.ts";

/** What a pack can be found by. */
export interface PackFacts {
  readonly kind: "contract" | "trace";
  /** A label for people: the store's, or the title of a run. */
  readonly name?: string;
  /** Of a contract, in its order; of a run, the agent and what it called. */
  readonly tools: readonly string[];
  readonly models: readonly string[];
  /** Names and digests. */
  readonly inputs: readonly { readonly name: string; readonly digest?: string }[];
}

/** A pack that was looked for. */
export interface SearchHit extends PackFacts {
  readonly uri: CtxUri;
  /** `store`, or the pantry's address. */
  readonly where: string;
  /** The tag it was found by in a pantry, unless that is its URI. */
  readonly tag?: string;
  readonly files: number;
  /** Sum of the sizes of the files, in bytes. */
  readonly bytes: number;
  /** ISO 8601, UTC: when the store last handed it out. */
  readonly usedAt?: string;
}

/** The facts of a contract or a run head; `label` is the store's name for it. */
export function factsOf(config: PackConfig, label: string | undefined): PackFacts {
  return config.kind === "contract"
    ? contractFacts(config.contract, label)
    : traceFacts(config.run, label);
}

function contractFacts(
  { transforms, inputs }: NonNullable<PackConfig["contract"]>,
  label: string | undefined,
): PackFacts {
  return {
    kind: "contract",
    ...(label !== undefined && { name: label }),
    tools: unique(
      transforms.map(({ tool, tool_version }) =>
        tool_version === undefined ? tool : `${tool}@${tool_version}`,
      ),
    ),
    models: unique(transforms.map(({ model }) => model)),
    inputs: inputs.map(({ name, digest }) => ({ name, ...(digest !== undefined && { digest }) })),
  };
}

function traceFacts(run: NonNullable<PackConfig["run"]>, label: string | undefined): PackFacts {
  const name = label ?? run.name;
  return {
    kind: "trace",
    ...(name !== undefined && { name }),
    tools: unique([run.agent?.name, ...run.tools.map((tool) => tool.name)]),
    models: unique(run.models.flatMap(({ requested, served }) => [requested, served])),
    inputs: run.inputs.map(({ name: file, digest }) => ({
      name: file,
      ...(digest !== undefined && { digest }),
    })),
  };
}

function unique(words: readonly (string | null | undefined)[]): string[] {
  return [...new Set(words.filter((word) => typeof word === "string"))];
}
