import { CtxPackError } from "@ctxpack/identity";
import { repositoryScope } from "../auth/scope.ts";
import { IMAGE_INDEX_TYPE } from "../media-type.ts";
import type { RegistryRequest, Transport } from "./transport.ts";
import { UploadSession } from "./upload-session.ts";

/** What was found out about a repository; where something is not so, why. */
export interface RepositoryProbe {
  /** Whether there is anything in it. */
  readonly exists: boolean;
  readonly pull: "yes" | CtxPackError;
  readonly push: "yes" | CtxPackError;
  /** Where referrers are listed: by the registry, or under a tag. */
  readonly referrers: "api" | "tag" | CtxPackError;
}

/** Asks for what is not there, and begins an upload that it cancels. Nothing is left. */
export async function probeRepository(
  transport: Transport,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<RepositoryProbe> {
  const pull = await attempt(signal, () => canPull(transport, repository, signal));
  const push = await attempt(signal, () => canPush(transport, repository, signal));
  const referrers = await attempt(signal, () => findReferrers(transport, repository, signal));
  return {
    exists: pull === true,
    pull: typeof pull === "boolean" ? "yes" : pull,
    push,
    referrers,
  };
}

async function attempt<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T | CtxPackError> {
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    if (!CtxPackError.isInstance(error)) throw error;
    return error;
  }
}

/** Whether tags can be listed, and the repository exists. */
async function canPull(
  transport: Transport,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const response = await transport.send({
    ...reading(repository, signal),
    url: `/v2/${repository}/tags/list?n=1`,
    expect: [200, 404],
  });
  await response.discard();
  return response.status === 200;
}

async function canPush(
  transport: Transport,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<"yes"> {
  const session = await UploadSession.open(transport, repository, signal);
  await session.cancel();
  return "yes";
}

/** Any digest will do: a registry that lists referrers lists none of what it does not have. */
const NOTHING = `sha256:${"0".repeat(64)}`;

async function findReferrers(
  transport: Transport,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<"api" | "tag"> {
  const response = await transport.send({
    ...reading(repository, signal),
    url: `/v2/${repository}/referrers/${NOTHING}`,
    headers: { accept: IMAGE_INDEX_TYPE },
    expect: [200, 400, 404, 405, 406, 415, 501],
  });
  await response.discard();
  return response.status === 200 && response.headers.contentType === IMAGE_INDEX_TYPE
    ? "api"
    : "tag";
}

function reading(
  repository: string,
  signal: AbortSignal | undefined,
): Pick<RegistryRequest, "method" | "scopes" | "repository" | "right" | "signal"> {
  const scopes = [repositoryScope(repository, "pull")];
  return { method: "GET", scopes, repository, right: "pull", signal };
}
