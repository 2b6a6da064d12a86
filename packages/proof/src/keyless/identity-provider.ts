import { CtxPackError } from "@ctxpack/identity";
import { isLoopback, parseJson } from "@ctxpack/oci";
import { Fields } from "../bundle/fields.ts";
import { malformed } from "../http/failure.ts";
import { request } from "../http/request.ts";
import { AUDIENCE } from "./public-good.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Where an OpenID Connect identity token comes from. */
export interface IdentityProvider {
  /** A fresh token for the audience `sigstore`. */
  token(options?: { readonly signal?: AbortSignal | undefined }): Promise<string>;
}

const GITHUB_MS = 10_000;
const ANSWER_LIMIT = 64 << 10;

/**
 * Who this job is, as its environment says: `SIGSTORE_ID_TOKEN` (GitLab's `id_tokens`, and every other place that can set a
 * variable), else GitHub Actions with `permissions: id-token: write`.
 *
 * @throws CtxPackError `CTXPACK_E_AUTH` when nothing there says so.
 */
export function ambientIdentity(env: Env = process.env): IdentityProvider {
  const given = env["SIGSTORE_ID_TOKEN"];
  if (given) return { token: async () => given.trim() };
  const url = env["ACTIONS_ID_TOKEN_REQUEST_URL"];
  const bearer = env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
  if (url && bearer) return { token: ({ signal } = {}) => askGitHub(url, bearer, signal) };
  throw new CtxPackError("CTXPACK_E_AUTH", "no identity token: nothing here says who signs", {
    hint: env["GITHUB_ACTIONS"]
      ? "give the job `permissions: id-token: write`"
      : "set SIGSTORE_ID_TOKEN (GitLab: id_tokens with aud: sigstore), or sign with a key",
  });
}

/** GitHub gives a token to the job that asks with its own credential. */
async function askGitHub(
  text: string,
  bearer: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const url = URL.parse(text);
  // The job's credential goes there.
  const secure = url?.protocol === "https:" || (url !== null && isLoopback(url.hostname));
  if (url === null || !secure) {
    throw new CtxPackError("CTXPACK_E_AUTH", "ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL");
  }
  url.searchParams.set("audience", AUDIENCE);
  const asked = { service: "GitHub's identity provider", url };
  const { body } = await request({
    ...asked,
    method: "GET",
    headers: { authorization: `bearer ${bearer}` },
    limit: ANSWER_LIMIT,
    deadlineMs: GITHUB_MS,
    expect: [200],
    secrets: [bearer],
    signal,
  });
  try {
    const place = { code: "CTXPACK_E_PROTOCOL", where: "the answer", path: "the answer" } as const;
    const token = new Fields(parseJson(body, place), place).text("value");
    if (token !== "") return token;
  } catch {
    // Not as the cause: the answer has a token in it.
  }
  throw malformed(asked, "gives no token");
}
