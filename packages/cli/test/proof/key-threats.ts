import { resigned, statementOf } from "./attacker.ts";
import { poison, type Target, teamPolicy } from "./scene.ts";
import { restate, type Threat } from "./threat.ts";

/** Against a policy that believes keys. */
export const KEY_THREATS: readonly Threat[] = [
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
      restate(scene, target, "team", (statement) => {
        const hexOf = (uri = ""): string => uri.slice(-64);
        const text = JSON.stringify(statement.predicate);
        const other = text.replaceAll(hexOf(target.uri), hexOf(scene.targets[1]?.uri));
        statement.predicate = JSON.parse(other);
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
    row: "another payloadType, signed by the team's key",
    attack: async ({ attacker, team }, { bundle, descriptor }) => {
      const { team: key } = team.keys;
      if (key === undefined) throw new Error("no key");
      const envelope = resigned(bundle, key, statementOf(bundle), "application/json");
      await attacker.attachOnly(descriptor, envelope);
    },
    code: "CTXPACK_E_PROOF_STATEMENT",
    message: /application\/json/,
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
      const text = Buffer.from(
        JSON.stringify(statementOf(bundle)).replace("runDetails", "run\u00ff"),
        "latin1",
      );
      await attacker.attachOnly(descriptor, resigned(bundle, key, text));
    },
    code: "CTXPACK_E_PROOF_STATEMENT",
    message: /UTF-8/,
  },
  {
    row: "a pack made from one whose proof is gone",
    of: 1,
    policy: ({ team }) => teamPolicy(team, { dependencies: "verify" }),
    attack: (scene) => scene.attacker.list(scene.targets[0]?.descriptor.digest as string, []),
    code: "CTXPACK_E_PROOF_DEPENDENCY",
    message: /made from ctx:\/\/sha256:[0-9a-f]{64}.*is refused/,
  },
  {
    row: "a pack made from one that only somebody else signed",
    of: 1,
    policy: ({ team }) => teamPolicy(team, { dependencies: "verify" }),
    attack: (scene) => restate(scene, scene.targets[0] as Target, "intern", () => {}),
    code: "CTXPACK_E_PROOF_DEPENDENCY",
    message: /made from ctx:\/\/sha256:[0-9a-f]{64}.*is refused/,
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
