import type { Credential, CredentialProvider } from "@ctxpack/oci/remote";
import { type Env, prototypeHost } from "./config.ts";

/** The part of `@ctxpack/oci/remote` that is needed here; loaded when a registry is. */
type Remote = typeof import("@ctxpack/oci/remote");

const GITHUB = "ghcr.io";

/**
 * Who asks, in the order of DESIGN §9: the program's own provider; the prototype's variables, for their own host and
 * no other; what `docker login` and `podman login` left; `GITHUB_TOKEN`, for ghcr.io and no other.
 */
export function credentialsOf(
  remote: Remote,
  env: Env,
  own: CredentialProvider | undefined,
): CredentialProvider {
  const providers = [
    own,
    fromPrototype(remote, env),
    remote.dockerConfigCredentials({ env }),
    fromGitHub(remote, env),
  ];
  return remote.chainCredentials(...providers.filter((provider) => provider !== undefined));
}

function fromPrototype(remote: Remote, env: Env): CredentialProvider | undefined {
  const host = prototypeHost(env);
  const { CTXP_USER, CTXP_TOKEN } = env;
  if (host === undefined || !CTXP_USER || !CTXP_TOKEN) return undefined;
  const credential: Credential = { kind: "basic", username: CTXP_USER, password: CTXP_TOKEN };
  return remote.staticCredentials({ [host]: credential }, "CTXP_USER and CTXP_TOKEN");
}

function fromGitHub(remote: Remote, env: Env): CredentialProvider | undefined {
  const { GITHUB_TOKEN, GITHUB_ACTOR } = env;
  if (!GITHUB_TOKEN) return undefined;
  // The name is not looked at where the password is a token, but has to be there.
  const username = GITHUB_ACTOR || "ctxpack";
  const credential: Credential = { kind: "basic", username, password: GITHUB_TOKEN };
  return remote.staticCredentials({ [GITHUB]: credential }, "GITHUB_TOKEN");
}
