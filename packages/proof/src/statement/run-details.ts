import { type Digest, digestHex } from "@ctxpack/identity";
import type { BuildOrigin } from "./builder.ts";

/** Who made a pack, when, and what it is. */
export interface MakingFacts {
  /** The tree digest of the pack. */
  readonly tree?: Digest | undefined;
  readonly startedOn?: Date | undefined;
  readonly finishedOn?: Date | undefined;
  /** Version of each part: `{ ctxpack: "1.0.0", node: "24.15.0" }`. */
  readonly versions: Readonly<Record<string, string>>;
}

/** `runDetails` of SLSA provenance v1. */
export function runDetails(origin: BuildOrigin, facts: MakingFacts): object {
  const { tree, startedOn, finishedOn, versions } = facts;
  return {
    builder: { id: origin.builderId, version: versions },
    metadata: {
      ...(origin.invocationId !== undefined && { invocationId: origin.invocationId }),
      ...(startedOn !== undefined && { startedOn: seconds(startedOn) }),
      ...(finishedOn !== undefined && { finishedOn: seconds(finishedOn) }),
    },
    ...(tree !== undefined && {
      byproducts: [{ name: "tree", digest: { sha256: digestHex(tree) } }],
    }),
  };
}

function seconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
