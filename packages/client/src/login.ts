import { CtxPackError } from "@ctxpack/identity";
import type { Credential } from "@ctxpack/oci/remote";
import type { Session } from "./session.ts";
import { type WorkOptions, workOf } from "./work.ts";

export interface LoginOptions extends WorkOptions {
  readonly username: string;
  /** Never written anywhere but into docker's configuration, or the helper it names. */
  readonly password: string;
}

export interface LoginResult {
  readonly host: string;
  readonly username: string;
  /** The helper or the file that keeps it. */
  readonly where: string;
  /** It is kept as it is, for whoever can read the file. */
  readonly plain: boolean;
}

/** Shows a registry an account, and keeps it if the registry takes it. Throws CTXPACK_E_AUTH when it does not. */
export async function login(
  session: Session,
  host: string,
  options: LoginOptions,
): Promise<LoginResult> {
  const { signal } = workOf(options);
  const { username, password } = options;
  if (username === "" || username.includes(":") || password === "") {
    throw new CtxPackError(
      "CTXPACK_E_USAGE",
      password === "" ? "the password is empty" : "a user name has at least a letter, and no colon",
    );
  }
  const credential: Credential = { kind: "basic", username, password };
  const remote = await import("@ctxpack/oci/remote");
  const credentials = remote.staticCredentials({ [host]: credential }, "what was typed in");
  const registry = await session.registries.connect(host, credentials);
  try {
    if (registry.host !== host.toLowerCase()) throw noHost(host, registry.host);
    const { authentication } = await registry.ping({ signal });
    if (authentication === "none") {
      session.warn(`${host} lets anybody in: it did not look at the password`);
    }
  } finally {
    await registry[Symbol.asyncDispose]();
  }
  const { where } = await remote.storeCredential(host, credential, { env: session.env, signal });
  return { host, username, where, plain: !where.startsWith("docker-credential-") };
}

/** Kept under another name than its host's, a password would not be checked, nor found again. */
function noHost(given: string, host: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_USAGE", `${given} is more than a registry's host`, {
    hint: `an account is one of the whole host: ctxpack login ${host}`,
    details: { host },
  });
}

export interface LogoutResult {
  readonly host: string;
  /** The helper and the file that had it; none when there was nothing. */
  readonly where: readonly string[];
}

/** Forgets what `login`, `docker login` or a helper keeps for a registry. */
export async function logout(
  session: Session,
  host: string,
  options: WorkOptions,
): Promise<LogoutResult> {
  const { signal } = workOf(options);
  const { eraseCredential } = await import("@ctxpack/oci/remote");
  return { host, ...(await eraseCredential(host, { env: session.env, signal })) };
}
