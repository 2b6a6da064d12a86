import { ORIGIN } from "@ctxpack/identity";

/** `builder.id` of a result whose command we ran, and whose inputs we saw before and after. */
export const RUN_BUILDER: string = `${ORIGIN}builders/run/v1`;

/** `builder.id` of a result of which somebody says that it is the contract's. */
export const SEED_BUILDER: string = `${ORIGIN}builders/seed/v1`;

/** How a result came to be known: we ran the command, or somebody gave us the folder. */
export type BuildKind = "run" | "seed";

/** Where the recipe of a build in CI lies. */
export interface BuildSource {
  /** URL of the repository, without `.git`. */
  readonly repository: string;
  /** `refs/heads/main`, `refs/tags/v1`. */
  readonly ref: string;
  /** The commit that was checked out, hex. */
  readonly commit?: string;
}

/** Who made a result, and from which repository. */
export interface BuildOrigin {
  readonly builderId: string;
  readonly source?: BuildSource;
  /** URL of the run. */
  readonly invocationId?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Who makes a result in this environment: the workflow in GitHub Actions, else ctxpack itself. That a workflow is
 * named proves nothing: a policy ties each builder to who may sign for it.
 */
export function buildOrigin(kind: BuildKind, env: Environment): BuildOrigin {
  return gitHubOrigin(env) ?? { builderId: kind === "run" ? RUN_BUILDER : SEED_BUILDER };
}

const serverPattern = /^https:\/\/[A-Za-z0-9.-]+(?::[0-9]+)?$/;
const repositoryPattern = /^[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+$/;
const workflowPattern = /^[^\s@]+\/\.github\/workflows\/[^\s@]+@refs\/\S+$/;
const commitPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const numberPattern = /^[0-9]+$/;

/** Nothing unless every variable that GitHub always sets is there and well-formed. */
function gitHubOrigin(env: Environment): BuildOrigin | undefined {
  if (env["GITHUB_ACTIONS"] !== "true") return undefined;
  const server = matching(env["GITHUB_SERVER_URL"], serverPattern);
  const name = matching(env["GITHUB_REPOSITORY"], repositoryPattern);
  const workflow = matching(env["GITHUB_WORKFLOW_REF"], workflowPattern);
  const ref = matching(env["GITHUB_REF"], /^refs\/\S+$/);
  if (!server || !name || !workflow || !ref) return undefined;
  const repository = `${server}/${name}`;
  const commit = matching(env["GITHUB_SHA"], commitPattern);
  const run = matching(env["GITHUB_RUN_ID"], numberPattern);
  const attempt = matching(env["GITHUB_RUN_ATTEMPT"], numberPattern) ?? "1";
  return {
    builderId: `${server}/${workflow}`,
    source: { repository, ref, ...(commit !== undefined && { commit }) },
    ...(run !== undefined && {
      invocationId: `${repository}/actions/runs/${run}/attempts/${attempt}`,
    }),
  };
}

function matching(value: string | undefined, pattern: RegExp): string | undefined {
  return value !== undefined && pattern.test(value) ? value : undefined;
}
