// What a verifier must defeat: the attacker really does it, with its own client, and a machine under a policy refuses it.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type DockerRegistry,
  identityToken,
  missingProgram,
  type Sigstore,
  startDockerRegistry,
  startSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from "@ctxpack/test-tools";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cleanUp, result } from "../run.ts";
import { KEY_THREATS } from "./key-threats.ts";
import { KEYLESS_THREATS } from "./keyless-threats.ts";
import { MEMORY_STORIES } from "./memory-stories.ts";
import { PANTRY_STORIES } from "./pantry-stories.ts";
import {
  ending,
  expectNothing,
  restage,
  type Scene,
  stage,
  startTeam,
  TEAM,
  teamPolicy,
  victimOf,
} from "./scene.ts";
import type { Story, World } from "./story.ts";
import type { Threat } from "./threat.ts";

cleanUp();

const STORIES: readonly Story[] = [...PANTRY_STORIES, ...MEMORY_STORIES];

/** What is defended, as the documentation says: a code for each threat. */
function documented(): [string, string][] {
  const page = readFileSync(join(import.meta.dirname, "../../../../docs/trust.md"), "utf8");
  const table = page.slice(page.indexOf("| an attacker"));
  const rows = table.matchAll(/^\| ([^|]+?) \|[^|]*\| (?:`(\w+)`|–) \|$/gm);
  return Array.from(rows, ([, threat = "", code = ""]) => [threat, code]);
}

test("docs/trust.md names every threat and its code, and no others", () => {
  const played = [...KEY_THREATS, ...KEYLESS_THREATS, ...STORIES];
  expect(documented()).toEqual(played.map(({ row, code }) => [row, code]));
});

/** With titles that are not cut. */
function named<T extends { readonly row: string }>(rows: readonly T[]): [string, T][] {
  return rows.map((one) => [one.row, one]);
}

/** Plays a threat in a repository of its own: the pack is accepted before, and refused after. */
async function play(home: Scene, pantry: string, threat: Threat, believed: object): Promise<void> {
  const scene = await restage(home, pantry);
  const target = scene.targets[threat.of ?? 0];
  if (target === undefined) throw new Error("nothing was pushed");
  const policy = threat.policy?.(scene) ?? believed;
  await result(["pull", target.uri], victimOf(pantry, policy));

  await threat.attack(scene, target);
  const victim = victimOf(pantry, policy);
  const compute = ["run", "--contract", "c.json"];
  const lines = [["pull", target.uri], ...(threat.of === undefined ? [compute] : [])];
  for (const line of lines) {
    const { exit, code, message, stderr } = await ending(line, victim);
    expect({ exit, code }, `${line}: ${stderr}`).toEqual({ exit: 6, code: threat.code });
    expect(message).toMatch(threat.message);
  }
  await expectNothing(victim, target.uri);
}

describe.skipIf(missingProgram("docker-registry"))("threats", () => {
  let registry: DockerRegistry;
  let services: Sigstore;
  let world: Omit<World, "pantry">;
  beforeAll(async () => {
    [registry, services] = await Promise.all([startDockerRegistry(), startSigstore()]);
    const [team, ci] = [await startTeam(), await startTeam()];
    const config = join(ci.cwd, "signing.json");
    writeFileSync(config, services.signingConfig);
    const file = join(ci.cwd, "trusted.json");
    writeFileSync(file, services.trustedRoot);
    const sha256 = createHash("sha256").update(services.trustedRoot).digest("hex");
    const byKey = { flags: ["--key", join(team.cwd, `${TEAM}.pem`)] };
    const byIdentity = {
      flags: ["--keyless", "--signing-config", config],
      env: { SIGSTORE_ID_TOKEN: identityToken() },
    };
    const believesIdentity = {
      schema: "ctxpack.policy/v1",
      trustRoots: { own: { file, sha256 } },
      signers: { ci: { identity: TEST_IDENTITY, issuer: TEST_ISSUER, trustRoot: "own" } },
      rules: [{ require: [{ signers: ["ci"] }] }],
    };
    const keys = await stage(team, `${registry.host}/home/keys`, byKey);
    const keyless = await stage(ci, `${registry.host}/home/keyless`, byIdentity);
    world = { registry, services, keys, keyless, byKey, byIdentity, believesIdentity };
  }, 120_000);
  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await services?.[Symbol.asyncDispose]();
  });

  test.each(named(KEY_THREATS))("%s", async (_, threat) => {
    const pantry = `${registry.host}/keys/${KEY_THREATS.indexOf(threat)}`;
    await play(world.keys, pantry, threat, teamPolicy(world.keys.team));
  });

  test.each(named(KEYLESS_THREATS))("%s", async (_, threat) => {
    const pantry = `${registry.host}/keyless/${KEYLESS_THREATS.indexOf(threat)}`;
    await play(world.keyless, pantry, threat, world.believesIdentity);
  });

  test.each(named(STORIES))("%s", async (_, story) => {
    await story.play({ ...world, pantry: `${registry.host}/stories/${STORIES.indexOf(story)}` });
  });
});
