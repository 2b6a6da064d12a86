// DESIGN §9: each variable for its own host and no other.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as remote from "@ctxpack/oci/remote";
import { afterAll, expect, test } from "vitest";
import { credentialsOf } from "../src/credentials.ts";

const home = mkdtempSync(join(tmpdir(), "ctxpack-credentials-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const env = {
  HOME: home,
  DOCKER_CONFIG: home,
  CTXP_REGISTRY_URL: "https://old.example:5000/",
  CTXP_USER: "old",
  CTXP_TOKEN: "old-token",
  GITHUB_TOKEN: "gh-token",
  GITHUB_ACTOR: "octo",
};

function auth(user: string): { auth: string } {
  return { auth: Buffer.from(`${user}:pw`).toString("base64") };
}

async function whoAsks(
  host: string,
  more: Record<string, string | undefined> = {},
  own?: remote.CredentialProvider,
): Promise<string | undefined> {
  const found = await credentialsOf(remote, { ...env, ...more }, own).get(host);
  return found?.credential.kind === "basic" ? found.credential.username : undefined;
}

test("the prototype's account is for its host and port", async () => {
  expect(await whoAsks("old.example:5000")).toBe("old");
  for (const host of [
    "old.example",
    "old.example:443",
    "x.old.example:5000",
    "old.example:5000.evil",
  ]) {
    expect(await whoAsks(host)).toBeUndefined();
  }
  expect(await whoAsks("old.example:5000", { CTXP_TOKEN: undefined })).toBeUndefined();
});

test("GitHub's token is for ghcr.io", async () => {
  expect(await whoAsks("ghcr.io")).toBe("octo");
  for (const host of [
    "ghcr.io:443",
    "xghcr.io",
    "ghcr.io.evil.example",
    "docker.io",
    "sub.ghcr.io",
  ]) {
    expect(await whoAsks(host)).toBeUndefined();
  }
});

test("docker's configuration comes before GITHUB_TOKEN and after the prototype's; the program's own before all", async () => {
  const auths = { "ghcr.io": auth("docker"), "old.example:5000": auth("docker") };
  writeFileSync(join(home, "config.json"), JSON.stringify({ auths }));
  expect(await whoAsks("ghcr.io")).toBe("docker");
  expect(await whoAsks("old.example:5000")).toBe("old");
  const own = remote.staticCredentials({
    "ghcr.io": { kind: "basic", username: "own", password: "x" },
  });
  expect(await whoAsks("ghcr.io", {}, own)).toBe("own");
  expect(await whoAsks("old.example:5000", {}, own)).toBe("old");
});
