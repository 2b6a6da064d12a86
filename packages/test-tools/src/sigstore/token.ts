/** Who the tokens of these services say signs. */
export const TEST_IDENTITY =
  "https://github.com/acme/packs/.github/workflows/pack.yml@refs/heads/main";
export const TEST_ISSUER = "https://token.actions.githubusercontent.com";

/** An identity token with GitHub's claims. It is not signed: the Fulcio of these services believes everybody. */
export function identityToken(claims: Readonly<Record<string, unknown>> = {}): string {
  const all = {
    iss: TEST_ISSUER,
    aud: "sigstore",
    sub: "repo:acme/packs:ref:refs/heads/main",
    san: TEST_IDENTITY,
    // A suite that holds one may take long on a busy machine.
    exp: Math.floor(Date.now() / 1000) + 3600,
    repository: "acme/packs",
    repository_id: "123456",
    repository_owner: "acme",
    repository_owner_id: "42",
    repository_visibility: "private",
    job_workflow_ref: "acme/packs/.github/workflows/pack.yml@refs/heads/main",
    job_workflow_sha: "1".repeat(40),
    workflow_ref: "acme/packs/.github/workflows/pack.yml@refs/heads/main",
    workflow_sha: "1".repeat(40),
    ref: "refs/heads/main",
    sha: "2".repeat(40),
    event_name: "push",
    runner_environment: "github-hosted",
    run_id: "7",
    run_attempt: "1",
    ...claims,
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256", typ: "JWT" })}.${part(all)}.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg`;
}
