// What a verifier must defeat: the attacker really does it, with its own client, and a machine under a policy refuses it.
import { missingProgram, type DockerRegistry, startDockerRegistry } from "@ctxpack/test-tools";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cleanUp, result } from "../run.ts";
import { resigned, statementOf } from "./attacker.ts";
import {
  ending,
  expectNothing,
  poison,
  type Scene,
  stage,
  startTeam,
  type Target,
  type Team,
  teamPolicy,
  victimOf,
} from "./scene.ts";

cleanUp();

interface Threat {
  /** As in the table of docs/trust.md. */
  readonly row: string;
  readonly attack: (scene: Scene, target: Target) => Promise<void>;
  readonly code: string;
  readonly message: RegExp;
  readonly policy?: (scene: Scene) => object;
}

/** The team's statement, changed, as the only proof, truly signed with a key. */
async function restate(
  { team, attacker }: Scene,
  { bundle, descriptor }: Target,
  signer: string,
  change: (statement: ReturnType<typeof statementOf>) => void,
): Promise<void> {
  const statement = statementOf(bundle);
  change(statement);
  const key = team.keys[signer];
  if (key === undefined) throw new Error(`no key ${signer}`);
  await attacker.attachOnly(descriptor, resigned(bundle, key, statement));
}

const THREATS: readonly Threat[] = [
  {
    row: "another output under the pack's tag",
    attack: async (scene, target) => {
      await poison(scene, target);
    },
    code: "CTXPACK_E_PROOF_MISSING",
    message: /no proof|nobody/i,
  },
  {
    row: "the list of proofs emptied",
    attack: ({ attacker }, { descriptor }) => attacker.list(descriptor.digest, []),
    code: "CTXPACK_E_PROOF_MISSING",
    message: /no proof|nobody/i,
  },
  {
    row: "the proof deleted",
    attack: async ({ attacker }, { descriptor }) => {
      for (const { digest } of await attacker.listed(descriptor.digest)) {
        await attacker.deleteManifest(digest);
      }
    },
    code: "CTXPACK_E_PROOF_BUNDLE",
    message: /sha256:/,
  },
  {
    row: "signed by a key that the policy does not name",
    attack: (scene, target) => restate(scene, target, "stranger", () => {}),
    code: "CTXPACK_E_PROOF_KEY",
    message: /SHA256:/,
  },
  {
    row: "signed by a signer whom the rule does not name",
    attack: (scene, target) => restate(scene, target, "intern", () => {}),
    code: "CTXPACK_E_PROOF_SIGNER",
    message: /intern/,
  },
  {
    row: "signed with a revoked key",
    attack: (scene, target) => restate(scene, target, "retired", () => {}),
    code: "CTXPACK_E_PROOF_KEY",
    message: /retired.*revoked/,
  },
  {
    row: "signed with an expired key",
    attack: (scene, target) => restate(scene, target, "expired", () => {}),
    code: "CTXPACK_E_PROOF_KEY",
    message: /expired/,
  },
  {
    row: "the proof of another pack",
    attack: async ({ attacker, targets }, { descriptor }) => {
      await attacker.attachOnly(descriptor, targets[1]?.bundle);
    },
    code: "CTXPACK_E_PROOF_SUBJECT",
    message: /is about sha256:[0-9a-f]{64}, not about sha256:/,
  },
  {
    row: "poisoned, and the proof of the good output put beside it",
    attack: async (scene, target) => {
      await scene.attacker.attachOnly(await poison(scene, target), target.bundle);
    },
    code: "CTXPACK_E_PROOF_SUBJECT",
    message: /is about sha256:[0-9a-f]{64}, not about sha256:/,
  },
  {
    row: "the referrer of another pack listed",
    attack: async ({ attacker, targets: [one, other] }) => {
      const referrers = await attacker.listed(other?.descriptor.digest as string);
      await attacker.list(one?.descriptor.digest as string, referrers);
    },
    code: "CTXPACK_E_PROOF_SUBJECT",
    message: /sha256:/,
  },
  {
    row: "made by another builder than the signer may vouch for",
    attack: (scene, target) =>
      restate(scene, target, "team", ({ predicate }) => {
        predicate.runDetails.builder.id = "https://ctxpack.dev/builders/seed/v1";
      }),
    code: "CTXPACK_E_PROOF_BUILDER",
    message: /builders\/seed\/v1/,
  },
  {
    row: "an external parameter smuggled in",
    attack: (scene, target) =>
      restate(scene, target, "team", ({ predicate }) => {
        predicate.buildDefinition.externalParameters.extra = "--no-filter";
      }),
    code: "CTXPACK_E_PROOF_PARAMETERS",
    message: /"extra"/,
  },
  {
    row: "a proof of another contract",
    attack: (scene, target) =>
      restate(scene, target, "team", ({ predicate }) => {
        predicate.buildDefinition.externalParameters.contract = scene.targets[1]?.uri;
      }),
    code: "CTXPACK_E_PROOF_CONTRACT",
    message: /ctx:\/\/sha256:/,
  },
  {
    row: "another payloadType around the same statement",
    attack: async ({ attacker }, { bundle, descriptor }) => {
      const dsseEnvelope = { ...bundle.dsseEnvelope, payloadType: "application/json" };
      await attacker.attachOnly(descriptor, { ...bundle, dsseEnvelope });
    },
    code: "CTXPACK_E_PROOF_SIGNATURE",
    message: /signature/,
  },
  {
    row: "a member twice in a signed statement",
    attack: async ({ attacker, team }, { bundle, descriptor }) => {
      const text = JSON.stringify(statementOf(bundle)).replace(
        '"predicateType"',
        '"predicateType":"https://example.org/other","predicateType"',
      );
      const { team: key } = team.keys;
      if (key === undefined) throw new Error("no key");
      await attacker.attachOnly(descriptor, resigned(bundle, key, Buffer.from(text)));
    },
    code: "CTXPACK_E_PROOF_STATEMENT",
    message: /predicateType/,
  },
  {
    row: "a signed statement that is not UTF-8",
    attack: async ({ attacker, team }, { bundle, descriptor }) => {
      const { team: key } = team.keys;
      if (key === undefined) throw new Error("no key");
      const text = Buffer.from(JSON.stringify(statementOf(bundle)).replace("ocr", "oc\u00ff"), "latin1");
      await attacker.attachOnly(descriptor, resigned(bundle, key, text));
    },
    code: "CTXPACK_E_PROOF_STATEMENT",
    message: /UTF-8/,
  },
  {
    row: "a bundle of more than 4 MiB",
    attack: ({ attacker }, { bundle, descriptor }) =>
      attacker.attachOnly(descriptor, { ...bundle, padding: "x".repeat(4 << 20) }),
    code: "CTXPACK_E_PROOF_BUNDLE",
    message: /4194304|4 MiB/,
  },
  {
    row: "the proof behind more referrers than are looked at",
    attack: async ({ attacker }, { descriptor }) => {
      const [good] = await attacker.listed(descriptor.digest);
      // Newer by what they say of themselves: they come first.
      const annotations = { "org.opencontainers.image.created": "2999-01-01T00:00:00Z" };
      const junk = await Promise.all(
        Array.from({ length: 300 }, (_, i) =>
          attacker.referrer(descriptor, { junk: i }, { ...annotations, i: String(i) }),
        ),
      );
      await attacker.list(descriptor.digest, [...junk, ...(good ? [good] : [])]);
    },
    code: "CTXPACK_E_PROOF_BUNDLE",
    message: /256/,
  },
];

describe.skipIf(missingProgram("docker-registry"))("threats", () => {
  let registry: DockerRegistry;
  let team: Team;
  beforeAll(async () => {
    [registry, team] = await Promise.all([startDockerRegistry(), startTeam()]);
  }, 60_000);
  afterAll(() => registry?.[Symbol.asyncDispose]());

  test.each(THREATS)("$row: $code", async ({ row, attack, code, message, policy }) => {
    const repository = row.replace(/[^a-z]+/g, "-");
    const scene = await stage(team, `${registry.host}/threats/${repository}`);
    const [target] = scene.targets;
    if (target === undefined) throw new Error("nothing was pushed");
    const believes = policy?.(scene) ?? teamPolicy(team);
    const honest = victimOf(scene.pantry, believes);
    await result(["pull", target.uri], honest);

    await attack(scene, target);
    const victim = victimOf(scene.pantry, believes);
    for (const args of [
      ["pull", target.uri],
      ["run", "--contract", "c.json"],
      ["verify", target.uri],
    ]) {
      const end = await ending(args, victim);
      expect({ exit: end.exit, code: end.code }, end.stderr).toEqual({ exit: 6, code });
      expect(end.message).toMatch(message);
    }
    await expectNothing(victim, target.uri);
  });
});
